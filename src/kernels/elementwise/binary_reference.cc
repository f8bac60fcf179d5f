// The scalar truth of the binary kernels, every type in its own arithmetic.

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "kernels/elementwise/binary.h"

namespace omni::kernels::scalar {

namespace {

using core::DType;

template <class A, class B, class Y, class Body>
void loop(const void* a, int64_t step_a, const void* b, int64_t step_b, void* y, int64_t n, Body body) {
  for (int64_t i = 0; i < n; ++i)
    static_cast<Y*>(y)[i] = static_cast<Y>(body(static_cast<const A*>(a)[i * step_a], static_cast<const B*>(b)[i * step_b]));
}

// Wrapping integer arithmetic: in uint64, cut to the type afterwards (uint16 * uint16 would overflow int).
template <class T>
using Wide = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;

template <class T>
T divide(T a, T b, bool& ok) {
  if constexpr (std::is_floating_point_v<T>) {
    return a / b;
  } else {
    if (b == 0) {
      ok = false;
      return 0;
    }
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return static_cast<T>(uint64_t{0} - static_cast<uint64_t>(a));  // the smallest value wraps instead of trapping
    }
    return static_cast<T>(a / b);
  }
}

template <class T>
T remainder_of(T a, T b, bool python, bool& ok) {
  if constexpr (std::is_floating_point_v<T>) {
    const T r = std::fmod(a, b);
    return python && r != 0 && (r < 0) != (b < 0) ? r + b : r;
  } else {
    if (b == 0) {
      ok = false;
      return 0;
    }
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;
      const T r = static_cast<T>(a % b);
      return python && r != 0 && (r < 0) != (b < 0) ? static_cast<T>(r + b) : r;
    } else {
      return static_cast<T>(a % b);
    }
  }
}

template <class T>
T power(T base, T exponent) {
  if constexpr (std::is_floating_point_v<T>) {
    if (exponent == 2) return base * base;
    return static_cast<T>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  } else {
    if constexpr (std::is_signed_v<T>) {
      if (exponent < 0) return base == 1 ? T{1} : base == -1 ? static_cast<T>(exponent % 2 != 0 ? -1 : 1) : T{0};
    }
    uint64_t result = 1, factor = static_cast<uint64_t>(base);
    for (auto left = static_cast<uint64_t>(exponent); left != 0; left >>= 1) {
      if ((left & 1u) != 0) result *= factor;
      factor *= factor;
    }
    return static_cast<T>(result);
  }
}

// Out of the range of an integer type: its nearest bound; NaN: 0.
template <class T>
T from_power(double v) {
  if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(v);
  } else {
    constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min()), kHigh = static_cast<double>(std::numeric_limits<T>::max());
    return v <= kLow ? std::numeric_limits<T>::min() : v >= kHigh ? std::numeric_limits<T>::max() : v != v ? T{0} : static_cast<T>(v);
  }
}

template <class T>
T larger(T a, T b) {
  return a != a ? a : b != b ? b : a > b ? a : b;
}
template <class T>
T smaller(T a, T b) {
  return a != a ? a : b != b ? b : a < b ? a : b;
}

#define OMNI_BODY(A, B, Y, expression)                                                                            \
  return [](const void* pa, int64_t sa, const void* pb, int64_t sb, void* py, int64_t n) noexcept {               \
    bool ok = true;                                                                                               \
    loop<A, B, Y>(pa, sa, pb, sb, py, n, [&]([[maybe_unused]] A a, [[maybe_unused]] B b) { return expression; }); \
    return ok;                                                                                                    \
  }

template <class T>
BinaryFn arithmetic(BinaryOp op) {
  using W = Wide<T>;
  switch (op) {
    case BinaryOp::kAdd: OMNI_BODY(T, T, T, static_cast<W>(a) + static_cast<W>(b));
    case BinaryOp::kSub: OMNI_BODY(T, T, T, static_cast<W>(a) - static_cast<W>(b));
    case BinaryOp::kMul: OMNI_BODY(T, T, T, static_cast<W>(a) * static_cast<W>(b));
    case BinaryOp::kDiv: OMNI_BODY(T, T, T, divide(a, b, ok));
    case BinaryOp::kMax: OMNI_BODY(T, T, T, larger(a, b));
    case BinaryOp::kMin: OMNI_BODY(T, T, T, smaller(a, b));
    case BinaryOp::kPRelu: OMNI_BODY(T, T, T, a < T{0} ? static_cast<T>(static_cast<W>(a) * static_cast<W>(b)) : a);
    case BinaryOp::kMaskPositive: OMNI_BODY(T, T, T, b > T{0} ? a : T{0});
    case BinaryOp::kEqual: OMNI_BODY(T, T, bool, a == b);
    case BinaryOp::kLess: OMNI_BODY(T, T, bool, a < b);
    case BinaryOp::kLessOrEqual: OMNI_BODY(T, T, bool, a <= b);
    case BinaryOp::kGreater: OMNI_BODY(T, T, bool, a > b);
    case BinaryOp::kGreaterOrEqual: OMNI_BODY(T, T, bool, a >= b);
    case BinaryOp::kPow: OMNI_BODY(T, T, T, power(a, b));
    case BinaryOp::kPowDouble: OMNI_BODY(T, double, T, from_power<T>(std::pow(static_cast<double>(a), b)));
    case BinaryOp::kMod: OMNI_BODY(T, T, T, remainder_of(a, b, true, ok));
    case BinaryOp::kFmod: OMNI_BODY(T, T, T, remainder_of(a, b, false, ok));
    default: break;
  }
  if constexpr (std::is_integral_v<T>) {
    constexpr uint64_t kBits = sizeof(T) * 8;
    switch (op) {
      case BinaryOp::kBitwiseAnd: OMNI_BODY(T, T, T, a & b);
      case BinaryOp::kBitwiseOr: OMNI_BODY(T, T, T, a | b);
      case BinaryOp::kBitwiseXor: OMNI_BODY(T, T, T, a ^ b);
      case BinaryOp::kShiftLeft: OMNI_BODY(T, T, T, static_cast<uint64_t>(b) >= kBits ? uint64_t{0} : static_cast<uint64_t>(a) << b);
      case BinaryOp::kShiftRight: OMNI_BODY(T, T, T, static_cast<T>(a >> (static_cast<uint64_t>(b) >= kBits ? kBits - 1 : static_cast<uint64_t>(b)) >> (static_cast<uint64_t>(b) >= kBits ? 1 : 0)));
      default: break;
    }
  }
  return nullptr;
}

BinaryFn logical(BinaryOp op) {
  switch (op) {
    case BinaryOp::kAnd: OMNI_BODY(uint8_t, uint8_t, bool, a != 0 && b != 0);
    case BinaryOp::kOr: OMNI_BODY(uint8_t, uint8_t, bool, a != 0 || b != 0);
    case BinaryOp::kXor: OMNI_BODY(uint8_t, uint8_t, bool, (a != 0) != (b != 0));
    case BinaryOp::kEqual: OMNI_BODY(uint8_t, uint8_t, bool, (a != 0) == (b != 0));
    default: return nullptr;
  }
}

#undef OMNI_BODY

}  // namespace

BinaryFn binary(BinaryOp op, DType dtype) {
  switch (dtype) {
    case DType::kF32: return arithmetic<float>(op);
    case DType::kF64: return arithmetic<double>(op);
    case DType::kI8: return arithmetic<int8_t>(op);
    case DType::kU8: return arithmetic<uint8_t>(op);
    case DType::kI16: return arithmetic<int16_t>(op);
    case DType::kU16: return arithmetic<uint16_t>(op);
    case DType::kI32: return arithmetic<int32_t>(op);
    case DType::kU32: return arithmetic<uint32_t>(op);
    case DType::kI64: return arithmetic<int64_t>(op);
    case DType::kU64: return arithmetic<uint64_t>(op);
    case DType::kBool: return logical(op);
    default: return nullptr;
  }
}

}  // namespace omni::kernels::scalar
