// What the integer operators (ai.omni.Q…) share. Scales and zero points are attributes, since the lowering knows them all:
//   x_scale, x_zero (a_…, b_…)          of the inputs, whose element type says u8 or s8
//   y_scale, y_zero, y_type             of the result: ONNX's number of u8, i8, or f32 for a product that is scaled and not rounded
//   y_low, y_high                       the clamp, narrowed by a fused Relu or Clip (default: the type's bounds)
// The arithmetic is kernels/quantize/requantize.h.
#pragma once

#include <algorithm>
#include <cmath>

#include "kernels/gemm_int8/gemm_int8.h"
#include "kernels/move/copy.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::ops {

#define OMNI_Q_RESULT                                                                                                                           \
  {"y_high", AttributeKind::kInt}, {"y_low", AttributeKind::kInt}, {"y_scale", AttributeKind::kFloat}, {"y_type", AttributeKind::kInt, true}, { \
    "y_zero", AttributeKind::kInt                                                                                                               \
  }

struct TensorScale {
  float scale = 1;
  int32_t zero = 0;
};

// `prefix` "x": x_scale and x_zero. Throws where no byte holds the zero point.
TensorScale tensor_scale(const PlannedNode& n, std::string_view prefix);

// The element type that `y_type` states; fails on others than u8, i8 and, with `floats`, f32.
DType q_result_type(const InferContext& c, bool floats, std::string_view name = "y_type");
// Zero point and clamp of a byte result; `prefix` "y".
kernels::ByteRange q_range(const PlannedNode& n, std::string_view prefix);

// Fails unless input i holds bytes.
void require_bytes(const InferContext& c, int i);

// Multipliers, bias and ranges of a product of x (inputs 0) with weights that have one scale or one per output channel.
kernels::Int8Quantization q_product(const PlannedNode& n, int64_t channels, int weight_scale_input, int bias_input);

// The weights' zero points, from a constant of their own type; empty where there are none.
std::vector<int32_t> q_weight_zeros(const PlannedNode& n, int64_t channels, int input);

// Bytes or words of a tensor that a channels-last kernel takes: as they are, or through scratch.
struct QOrder {
  bool needed = false;
  size_t offset = 0;
  kernels::CopyPlan to_last, to_plain;

  QOrder() = default;
  // Takes its part of the scratch, whose size so far is `scratch`.
  QOrder(const PlannedValue& v, Isa isa, size_t& scratch);

  const void* in(const void* data, std::byte* scratch, ThreadPool& pool) const noexcept;
  void* out(void* data, std::byte* scratch) const noexcept { return needed ? scratch + offset : data; }
  void finish(void* data, std::byte* scratch, ThreadPool& pool) const noexcept;
};

}  // namespace omni::ops
