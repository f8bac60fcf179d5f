// INT8 matrix product with int32 sums: C[m, n] = epilogue(sum over k of (A[m, k] - za)(W[n, k] - zw[n])).
//
// A is u8, or s8 whose top bit is flipped on the way in (then it is u8 with 128 more); rows may be patches of a channels-last image,
// which makes every convolution this product. W is packed s8. All zero points are folded into the sums' start values.
// Results are the same bytes on every instruction set and with any number of threads.
//
// Packed weights: columns in groups of `vectors * lanes`; within a group [depth / quad][vectors][lanes][quad] bytes, quad = 4 for
// vpdpbusd, 2 for vpmaddwd, 1 for scalar. For byte outputs a vector's element is not the next channel but the one that the
// lane-interleaving packs put in place (`packed_column`). Asymmetric weights (w - zw beyond s8) are split into two or three s8 matrices, one after
// the other along K, and the rows of A are read as often (`copies`): slower, exact, no further kernel.
#pragma once

#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "kernels/quantize/requantize.h"

namespace omni::kernels {

// The rows of A.
struct Int8Rows {
  const uint8_t* data = nullptr;
  uint8_t flip = 0;  // 0x80 for s8
  uint8_t pad = 0;   // what lies outside the image, in the u8 view: the zero point
  int64_t rows = 0;  // images * out_height * out_width
  int64_t channels = 0;
  int64_t height = 1, width = 1;                               // of an image
  int64_t pixel_stride = 0, row_stride = 0, image_stride = 0;  // bytes
  int64_t out_height = 1, out_width = 1;
  int64_t kernel_height = 1, kernel_width = 1, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1, pad_top = 0, pad_left = 0;

  static Int8Rows matrix(const void* data, bool is_signed, int64_t rows, int64_t k, int64_t stride);
  int64_t k() const { return kernel_height * kernel_width * channels; }
  // Row m is the k() bytes at data + m * pixel_stride.
  bool contiguous() const;
};

enum class Int8Output : uint8_t { kBytes, kFloat, kInt32 };

struct Int8Group {
  int64_t column = 0;  // of n, the first
  int64_t packed = 0;  // the same in arrays of packed columns
  int64_t offset = 0;  // in the packed bytes
  int vectors = 1;
};

struct Int8GemmTask;
struct Int8GemmKernel {
  core::Isa isa;
  int quad;           // K elements that one weight word holds
  int lanes;          // columns of one vector
  int max_vectors;    // of one group
  int64_t max_depth;  // longest row it can copy
  void (*run)(const Int8GemmTask&) noexcept;
};

// The kernel for `isa`: the richest one it may run.
const Int8GemmKernel& select_gemm_int8(core::Isa isa);

struct Int8Layout {
  const Int8GemmKernel* kernel = nullptr;
  Int8Output output = Int8Output::kBytes;
  int64_t n = 0, k = 0;
  int copies = 1;
  int64_t depth = 0;           // k * copies, rounded up
  int64_t packed_columns = 0;  // n rounded up by groups
  int64_t bytes = 0;
  std::vector<Int8Group> groups;

  // Column of n (maybe beyond it: padding) at a packed position.
  int64_t column_of(const Int8Group& group, int64_t position) const;
};

// Falls back to the scalar kernel where a row is longer than the kernel of `isa` can copy.
Int8Layout layout_gemm_int8(core::Isa isa, Int8Output output, int64_t n, int64_t k, int copies = 1);

// W as it comes: element (n, k) at data[n * column_stride + k * depth_stride], u8 or s8.
struct Int8Matrix {
  const void* data = nullptr;
  bool is_signed = true;
  int64_t column_stride = 0, depth_stride = 1;
  const int32_t* zero_points = nullptr;  // in W's own type; nullptr: 0
  bool zero_point_per_column = false;

  int32_t zero(int64_t n) const { return zero_points == nullptr ? 0 : zero_points[zero_point_per_column ? n : 0]; }
};

// How many s8 matrices w - zw takes: 1 when it fits into s8, else 2 or 3. The weights need not be known: nullptr data gives the most it may need.
int copies_needed(const Int8Matrix& w, int64_t n, int64_t k);

// Fills `packed` (layout.bytes, aligned to 64) and `column_sums` (layout.packed_columns: sum over k of w - zw, modulo 2^32).
void pack_gemm_int8(const Int8Layout& layout, const Int8Matrix& w, int8_t* packed, int32_t* column_sums) noexcept;

struct Int8Weights {
  Int8Layout layout;
  core::Tensor packed, column_sums;

  const int8_t* data() const { return static_cast<const int8_t*>(packed.data()); }
};
Int8Weights pack_weights_int8(core::Isa isa, Int8Output output, const Int8Matrix& w, int64_t n, int64_t k);

// start[p] = bias[column] - za * column_sum[p], za in the u8 view. bias: [n] or nullptr.
void start_values(const Int8Layout& layout, const int32_t* column_sums, const int32_t* bias, int32_t za, int32_t* start) noexcept;
// out[p] = values[column] (values[0] when `scalar`), `padding` beyond n.
void to_packed_columns(const Int8Layout& layout, const float* values, bool scalar, float padding, float* out) noexcept;

// All arrays are in packed column order. Ranges are in the u8 view (ByteRange::as_unsigned); flips give s8 bytes.
struct Int8Epilogue {
  const int32_t* start = nullptr;
  const float* multiplier = nullptr;  // kBytes, kFloat
  bool wide = false;                  // some multiplier is above kSafeMultiplier
  const float* bias = nullptr;        // kFloat: added to the product, or nullptr
  ByteRange range;                    // kBytes: zero point and clamp of the result
  uint8_t flip = 0;
  // kBytes with a residual: y = add_quantized(result - zero, ma, residual - residual_zero, mb, sum).
  const uint8_t* residual = nullptr;  // laid out as the output; must not share its memory
  uint8_t residual_flip = 0;
  int32_t residual_zero = 0;
  float ma = 0, mb = 0;
  ByteRange sum;
};

struct Int8GemmArgs {
  Int8Rows a;
  const Int8Layout* layout = nullptr;
  const int8_t* weights = nullptr;
  Int8Epilogue epilogue;
  void* out = nullptr;
  int64_t out_stride = 0;  // elements from row to row
};

// What a quantized layer is, in plain order; prepare_int8 turns it into the arrays above.
struct Int8Quantization {
  Int8Output output = Int8Output::kBytes;
  bool x_signed = false;
  int32_t zx = 0;
  std::vector<float> multiplier;  // [n] or [1]: product_multiplier (kBytes) or product_scale (kFloat)
  std::vector<int32_t> bias;      // [n] or empty
  std::vector<float> float_bias;  // [n] or empty, kFloat only
  ByteRange y;                    // kBytes: of the result, narrowed by a fused activation
  bool residual = false;
  bool residual_signed = false;
  int32_t residual_zero = 0;
  float ma = 0, mb = 0;
  ByteRange sum;  // of the output when there is a residual
};

struct PreparedInt8 {
  Int8Weights weights;
  std::vector<int32_t> start;
  std::vector<float> multiplier, float_bias;
  Int8Epilogue epilogue;  // points into this object: set again by `arguments`

  // Ready to run once `a`, `out`, `out_stride` and a residual are filled in.
  Int8GemmArgs arguments() const;
};
PreparedInt8 prepare_int8(core::Isa isa, const Int8Matrix& w, int64_t n, int64_t k, const Int8Quantization& q);

// A rectangle of the output: what one call of a kernel computes.
struct Int8GemmTask {
  const Int8GemmArgs* args;
  int64_t row_begin, row_end;
  int group_begin, group_end;
};

void gemm_int8(const Int8GemmArgs& args, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
