// INT8 convolution, channels-last: bytes [N, H, W, C] to bytes, floats or int32 sums [N, OH, OW, OC]. Weights are OIHW as ONNX has them.
//
// Prepared once: each group is an INT8 matrix product whose rows are patches (gemm_int8.h), a depthwise one goes to depthwise_int8.
// What lies outside the image is the input's zero point, so it adds nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/isa.h"
#include "core/thread_pool.h"
#include "kernels/gemm_int8/gemm_int8.h"

namespace omni::kernels {

struct ConvInt8Shape {
  int64_t batch = 1, channels = 1, height = 1, width = 1, out_channels = 1, out_height = 1, out_width = 1;
  int64_t kernel_height = 1, kernel_width = 1, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1, pad_top = 0, pad_left = 0, groups = 1;
};

struct DepthwiseInt8;

// Weights of one output channel: [channels / groups][kernel_height][kernel_width], u8 or s8.
struct ConvInt8Weights {
  const void* data = nullptr;
  bool is_signed = true;
  const int32_t* zero_points = nullptr;  // nullptr: 0
  bool zero_point_per_channel = false;
};

class ConvInt8 {
 public:
  // q's arrays are per output channel (or of one element). With a residual the result is added to it as Int8Quantization says.
  ConvInt8(core::Isa isa, const ConvInt8Shape& shape, const ConvInt8Weights& w, const Int8Quantization& q);

  // x: [N, H, W, C] bytes; y: [N, OH, OW, OC] of the output's type; residual: as y, bytes, or nullptr.
  void run(const void* x, const void* residual, void* y, core::ThreadPool& pool) const noexcept;
  // The same with a zero point of x that is known only now (not for byte outputs); start: start_bytes() of scratch.
  void run_with_zero(const void* x, int32_t zx, void* y, int32_t* start, core::ThreadPool& pool) const noexcept;
  size_t start_bytes() const;
  bool is_depthwise() const { return depthwise_ != nullptr; }

 private:
  Int8GemmArgs arguments(size_t group, const void* x, int32_t zx, void* y) const noexcept;

  ConvInt8Shape shape_;
  Int8Quantization q_;
  std::vector<PreparedInt8> groups_;
  std::shared_ptr<const DepthwiseInt8> depthwise_;
};

}  // namespace omni::kernels
