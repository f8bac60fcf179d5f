// Element types. 4-bit types pack two elements a byte, the first in the low nibble, as ONNX does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace omni::core {

enum class DType : uint8_t { kF32, kF16, kBF16, kF64, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kBool, kI4, kU4, kString };
inline constexpr int kDTypeCount = 16;

constexpr int dtype_bits(DType t) {
  switch (t) {
    case DType::kI4:
    case DType::kU4: return 4;
    case DType::kI8:
    case DType::kU8:
    case DType::kBool: return 8;
    case DType::kF16:
    case DType::kBF16:
    case DType::kI16:
    case DType::kU16: return 16;
    case DType::kF32:
    case DType::kI32:
    case DType::kU32: return 32;
    case DType::kF64:
    case DType::kI64:
    case DType::kU64: return 64;
    case DType::kString: return 0;
  }
  return 0;
}

constexpr bool is_float(DType t) { return t == DType::kF32 || t == DType::kF16 || t == DType::kBF16 || t == DType::kF64; }
constexpr bool is_signed_integer(DType t) {
  return t == DType::kI4 || t == DType::kI8 || t == DType::kI16 || t == DType::kI32 || t == DType::kI64;
}
constexpr bool is_unsigned_integer(DType t) {
  return t == DType::kU4 || t == DType::kU8 || t == DType::kU16 || t == DType::kU32 || t == DType::kU64;
}
constexpr bool is_integer(DType t) { return is_signed_integer(t) || is_unsigned_integer(t); }

// Bytes of one element; 1 for 4-bit types (they are unpacked to one byte wherever elements are addressed), 0 for strings.
constexpr size_t dtype_size(DType t) { return static_cast<size_t>(dtype_bits(t) + 7) / 8; }

// Bytes that `count` elements take when stored (4-bit types packed). Strings: 0, their size is not known from the count.
constexpr size_t packed_bytes(DType t, size_t count) { return (count * static_cast<size_t>(dtype_bits(t)) + 7) / 8; }

// "f32", "f16", "bf16", "f64", "i8", "u8", … "bool", "i4", "u4", "str": the names of the text form and of messages.
std::string_view dtype_name(DType t);
std::optional<DType> parse_dtype(std::string_view name);

template <class T>
struct DTypeOf;
template <> struct DTypeOf<float> { static constexpr DType value = DType::kF32; };
template <> struct DTypeOf<double> { static constexpr DType value = DType::kF64; };
template <> struct DTypeOf<int8_t> { static constexpr DType value = DType::kI8; };
template <> struct DTypeOf<uint8_t> { static constexpr DType value = DType::kU8; };
template <> struct DTypeOf<int16_t> { static constexpr DType value = DType::kI16; };
template <> struct DTypeOf<uint16_t> { static constexpr DType value = DType::kU16; };
template <> struct DTypeOf<int32_t> { static constexpr DType value = DType::kI32; };
template <> struct DTypeOf<uint32_t> { static constexpr DType value = DType::kU32; };
template <> struct DTypeOf<int64_t> { static constexpr DType value = DType::kI64; };
template <> struct DTypeOf<uint64_t> { static constexpr DType value = DType::kU64; };
template <> struct DTypeOf<bool> { static constexpr DType value = DType::kBool; };
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

}  // namespace omni::core
