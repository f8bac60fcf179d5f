// Moving elements without changing them: one strided copy serves Transpose, Slice, Concat, Split, Expand, Pad and the change between
// channels-first and channels-last. Compiled by element size (1, 2, 4, 8 bytes), whatever the type.
#pragma once

#include <span>

#include "core/isa.h"
#include "core/shape.h"
#include "core/thread_pool.h"

namespace omni::kernels {

// out[Σ i·out_strides] = in[Σ i·in_strides] for every index of `dims`; strides in elements, negative or 0 allowed for `in`.
struct CopyPlan {
  enum class Kind : uint8_t { kRuns, kFill, kTiles, kElements };

  Kind kind = Kind::kRuns;
  int rank = 1;
  int tile_dim = 0;  // kTiles: the dimension along which `in` is contiguous; the last is that of `out`
  int element_size = 4;
  int64_t count = 0;
  int64_t dims[core::Shape::kMaxRank] = {1};
  int64_t in_strides[core::Shape::kMaxRank] = {}, out_strides[core::Shape::kMaxRank] = {};
  int64_t in_offset = 0, out_offset = 0;
  // rows by columns: out[r * out_stride + c] = in[c * in_stride + r]
  void (*transpose)(const void* in, int64_t in_stride, void* out, int64_t out_stride, int64_t rows, int64_t columns) noexcept = nullptr;
};

CopyPlan plan_copy(std::span<const int64_t> dims, std::span<const int64_t> in_strides, std::span<const int64_t> out_strides, size_t element_size,
                   core::Isa isa);
// out dimension i is in dimension permutation[i].
CopyPlan plan_transpose(const core::Shape& in, std::span<const int> permutation, size_t element_size, core::Isa isa);
// NumPy broadcasting of `in` to `out`.
CopyPlan plan_expand(const core::Shape& in, const core::Shape& out, size_t element_size, core::Isa isa);
// out[i] = in[start + i * step] in every dimension; one start and step per dimension, in range for every index of `out`.
CopyPlan plan_slice(const core::Shape& in, const core::Shape& out, std::span<const int64_t> starts, std::span<const int64_t> steps,
                    size_t element_size, core::Isa isa);
// The whole of `in` to the place `starts` of the larger `out` (a part of Concat, the inside of Pad).
CopyPlan plan_insert(const core::Shape& in, const core::Shape& out, std::span<const int64_t> starts, size_t element_size, core::Isa isa);

// in and out do not overlap.
void run_copy(const CopyPlan& plan, const void* in, void* out, core::ThreadPool& pool) noexcept;

// n elements of the same value.
void fill(void* out, int64_t n, const void* value, size_t element_size, core::ThreadPool& pool) noexcept;

// Padding by index: mode of ONNX's Pad besides constant.
enum class PadMode : uint8_t { kReflect, kEdge, kWrap };
// before[d] may be negative (cropping) but every output index must map into `in`, which is not empty.
void run_pad(const core::Shape& in_shape, const core::Shape& out_shape, std::span<const int64_t> before, PadMode mode, size_t element_size,
             const void* in, void* out, core::ThreadPool& pool) noexcept;

namespace avx2 {
// 32-bit elements by tiles of 8 by 8 in registers.
void transpose_32(const void* in, int64_t in_stride, void* out, int64_t out_stride, int64_t rows, int64_t columns) noexcept;
}  // namespace avx2

}  // namespace omni::kernels
