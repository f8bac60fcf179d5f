// INT8 arithmetic, the one definition (docs/numerics.md): every kernel, on every instruction set, gives the bytes these functions give.
//
// acc is an exact int32 sum of (x - zx)(w - zw). The product with the multiplier is rounded on its own, to the nearest float; the
// clamp happens in float, before the conversion, so that no conversion can overflow; ties round to even. A fused Relu only narrows
// the clamp. These functions are for scalar code: files of one instruction set spell the same steps in their own instructions.
#pragma once

#include <cmath>
#include <cstdint>

namespace omni::kernels {

// The bytes a tensor holds: `zero` and the bounds in its own type, u8 or s8.
struct ByteRange {
  int32_t zero = 0;
  int32_t low = 0, high = 255;
  bool is_signed = false;

  static constexpr ByteRange of(bool is_signed, int32_t zero) {
    return is_signed ? ByteRange{zero, -128, 127, true} : ByteRange{zero, 0, 255, false};
  }
  // The same range seen as u8: s8 values plus 128, which is what flipping the top bit does. Kernels compute in this view.
  constexpr ByteRange as_unsigned() const { return is_signed ? ByteRange{zero + 128, low + 128, high + 128, false} : *this; }
  constexpr uint8_t flip() const { return is_signed ? 0x80 : 0; }
  bool operator==(const ByteRange&) const = default;
};

// `value` in units of the output's step, zero at 0. Returns the integer with the zero point added.
inline int32_t round_to_range(float value, const ByteRange& range) {
  const float low = static_cast<float>(range.low - range.zero), high = static_cast<float>(range.high - range.zero);
  const float clamped = value > low ? (value < high ? value : high) : low;  // a NaN becomes low, as maxps(value, low) makes it
  return static_cast<int32_t>(std::nearbyintf(clamped)) + range.zero;
}

inline int32_t requantize(int32_t acc, float multiplier, const ByteRange& range) {
  const float product = static_cast<float>(acc) * multiplier;
  return round_to_range(product, range);
}

// Sum of two quantized values (zero points taken off) in the output's step: each product and the sum are rounded.
inline int32_t add_quantized(int32_t a, float ma, int32_t b, float mb, const ByteRange& range) {
  const float pa = static_cast<float>(a) * ma, pb = static_cast<float>(b) * mb;
  return round_to_range(pa + pb, range);
}

// Multipliers: products and quotients of scales are formed in double and rounded once.
inline float product_multiplier(float sx, float sw, float sy) { return static_cast<float>(static_cast<double>(sx) * sw / sy); }
inline float ratio_multiplier(float sx, float sy) { return static_cast<float>(static_cast<double>(sx) / sy); }
inline float product_scale(float sx, float sw) { return static_cast<float>(static_cast<double>(sx) * sw); }
inline float average_multiplier(float sx, float sy, int64_t count) {
  return static_cast<float>(static_cast<double>(sx) / (static_cast<double>(sy) * static_cast<double>(count)));
}

// Kernels convert first and saturate by the narrowing packs after it. For that a product must stay below 2^31: it does when every
// multiplier is at most this one. Above it they take the smaller of the product and kBeyondBytes first (a conversion that
// overflows downwards already saturates to the right side).
inline constexpr float kSafeMultiplier = 0.5f, kBeyondBytes = 1024.0f;

}  // namespace omni::kernels
