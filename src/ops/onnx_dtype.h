// ONNX's numbers for element types (TensorProto.DataType), as attributes like Cast's `to` carry them.
#pragma once

#include <cstdint>
#include <optional>

#include "core/dtype.h"

namespace omni::ops {

using core::DType;

constexpr int64_t to_onnx(DType t) {
  switch (t) {
    case DType::kF32: return 1;
    case DType::kU8: return 2;
    case DType::kI8: return 3;
    case DType::kU16: return 4;
    case DType::kI16: return 5;
    case DType::kI32: return 6;
    case DType::kI64: return 7;
    case DType::kString: return 8;
    case DType::kBool: return 9;
    case DType::kF16: return 10;
    case DType::kF64: return 11;
    case DType::kU32: return 12;
    case DType::kU64: return 13;
    case DType::kBF16: return 16;
    case DType::kU4: return 21;
    case DType::kI4: return 22;
  }
  return 0;
}

// Nothing for types we do not hold (complex, float8, …).
constexpr std::optional<DType> from_onnx(int64_t number) {
  for (int i = 0; i < core::kDTypeCount; ++i) {
    if (to_onnx(static_cast<DType>(i)) == number) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace omni::ops
