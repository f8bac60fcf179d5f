// Which scale (and zero point) an element of a quantized tensor has: one for all, one per index of an axis, or one per block along it
// (ONNX 21). Shapes and the axis are in the order of the bytes.
#pragma once

#include "core/half.h"
#include "ops/elementwise.h"

namespace omni::ops {

struct ScaleMap {
  int64_t outer = 1, axis = 1, inner = 1;  // the tensor as [outer, axis, inner]
  int64_t block = 0;                       // > 0: blocked
  bool single = true;                      // one scale for all

  int64_t count() const { return outer * axis * inner; }
  int64_t index(int64_t element) const {
    if (single) return 0;
    const int64_t a = element / inner % axis;
    if (block == 0) return a;
    return (element / (inner * axis) * ((axis + block - 1) / block) + a / block) * inner + element % inner;
  }
};

// Checks scale (input 1) and zero point (input 2) against x; fails with what is wrong. Attributes: axis (1), block_size (0).
void check_scales(const InferContext& c);

ScaleMap scale_map(const PlannedNode& n);

inline float float_at(const ConstTensorView& t, int64_t i) {
  switch (t.dtype) {
    case DType::kF32: return t.as<float>()[i];
    case DType::kF16: return f16_to_f32(t.as<uint16_t>()[i]);
    case DType::kBF16: return bf16_to_f32(t.as<uint16_t>()[i]);
    case DType::kI32: return static_cast<float>(t.as<int32_t>()[i]);
    default: return 0;
  }
}

inline int32_t integer_at(const ConstTensorView& t, int64_t i) {
  switch (t.dtype) {
    case DType::kI8: return t.as<int8_t>()[i];
    case DType::kU8: return t.as<uint8_t>()[i];
    case DType::kI16: return t.as<int16_t>()[i];
    case DType::kU16: return t.as<uint16_t>()[i];
    case DType::kI32: return t.as<int32_t>()[i];
    case DType::kI4: return unpack_i4(t.as<uint8_t>(), i);
    case DType::kU4: return unpack_u4(t.as<uint8_t>(), i);
    default: return 0;
  }
}

// Lowest and highest value of an integer type of at most 16 bits.
struct IntegerBounds {
  int32_t low, high;
};
inline IntegerBounds bounds_of(DType t) {
  const int bits = dtype_bits(t);
  return is_signed_integer(t) ? IntegerBounds{-(1 << (bits - 1)), (1 << (bits - 1)) - 1} : IntegerBounds{0, (1 << bits) - 1};
}

}  // namespace omni::ops
