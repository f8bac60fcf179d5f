// The scalar truth of the unary kernels: floats computed in double and rounded once, integers in their own type (wrapping).

#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/elementwise/unary.h"

namespace omni::kernels::scalar {

namespace {

using core::DType;

double sigmoid(double x) { return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::log1p(std::exp(-std::fabs(x))) + (x < 0 ? 0 : x); }
double clamp(double x, double low, double high) { return x < low ? low : x > high ? high : x; }

double f_Relu(double x, const UnaryParams&) { return x < 0 ? 0 : x; }
double f_LeakyRelu(double x, const UnaryParams& p) { return x < 0 ? static_cast<float>(p.a) * x : x; }
double f_ThresholdedRelu(double x, const UnaryParams& p) { return x <= p.a ? 0 : x; }
double f_Elu(double x, const UnaryParams& p) { return x < 0 ? p.a * std::expm1(x) : x; }
double f_Selu(double x, const UnaryParams& p) { return p.b * (x < 0 ? p.a * std::expm1(x) : x); }
double f_Celu(double x, const UnaryParams& p) { return x < 0 ? p.a * std::expm1(x / p.a) : x; }
double f_Clip(double x, const UnaryParams& p) {
  const double low = x < p.a ? p.a : x;
  return low > p.b ? p.b : low;
}
double f_HardSigmoid(double x, const UnaryParams& p) { return clamp(p.a * x + p.b, 0, 1); }
double f_HardSwish(double x, const UnaryParams&) { return x * clamp(x / 6 + 0.5, 0, 1); }
double f_Sigmoid(double x, const UnaryParams&) { return sigmoid(x); }
double f_Swish(double x, const UnaryParams& p) { return x * sigmoid(p.a * x); }
double f_Mish(double x, const UnaryParams&) { return x * std::tanh(softplus(x)); }
double f_Tanh(double x, const UnaryParams&) { return std::tanh(x); }
double f_Gelu(double x, const UnaryParams&) { return 0.5 * x * std::erfc(-x * 0.70710678118654752440); }
double f_GeluTanh(double x, const UnaryParams&) { return x * sigmoid(1.5957691216057308 * (x + 0.044715 * x * x * x)); }
double f_Erf(double x, const UnaryParams&) { return std::erf(x); }
double f_Softplus(double x, const UnaryParams&) { return softplus(x); }
double f_Softsign(double x, const UnaryParams&) { return x / (1 + std::fabs(x)); }
double f_Exp(double x, const UnaryParams&) { return std::exp(x); }
double f_Log(double x, const UnaryParams&) { return std::log(x); }
double f_Sqrt(double x, const UnaryParams&) { return std::sqrt(x); }
double f_Reciprocal(double x, const UnaryParams&) { return 1 / x; }
double f_Abs(double x, const UnaryParams&) { return std::fabs(x); }
double f_Neg(double x, const UnaryParams&) { return -x; }
double f_Sign(double x, const UnaryParams&) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }
double f_Floor(double x, const UnaryParams&) { return std::floor(x); }
double f_Ceil(double x, const UnaryParams&) { return std::ceil(x); }
double f_Round(double x, const UnaryParams&) { return std::nearbyint(x); }
double f_Sin(double x, const UnaryParams&) { return std::sin(x); }
double f_Cos(double x, const UnaryParams&) { return std::cos(x); }
double f_Tan(double x, const UnaryParams&) { return std::tan(x); }
double f_Asin(double x, const UnaryParams&) { return std::asin(x); }
double f_Acos(double x, const UnaryParams&) { return std::acos(x); }
double f_Atan(double x, const UnaryParams&) { return std::atan(x); }
double f_Sinh(double x, const UnaryParams&) { return std::sinh(x); }
double f_Cosh(double x, const UnaryParams&) { return std::cosh(x); }
double f_Asinh(double x, const UnaryParams&) { return std::asinh(x); }
double f_Acosh(double x, const UnaryParams&) { return std::acosh(x); }
double f_Atanh(double x, const UnaryParams&) { return std::atanh(x); }

template <class T, double (*kF)(double, const UnaryParams&)>
void float_loop(const void* x, void* y, int64_t n, const UnaryParams& p) noexcept {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(y)[i] = static_cast<T>(kF(static_cast<const T*>(x)[i], p));
}

template <class T>
UnaryFn float_op(UnaryOp op) {
  switch (op) {
#define OMNI_UNARY_VECTOR(name) \
  case UnaryOp::k##name:        \
    return float_loop<T, f_##name>;
#define OMNI_UNARY_SCALAR(name) OMNI_UNARY_VECTOR(name)
#include "kernels/elementwise/unary.inc"
    case UnaryOp::kIsNaN:
      return [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept {
        for (int64_t i = 0; i < n; ++i) static_cast<bool*>(y)[i] = std::isnan(static_cast<const T*>(x)[i]);
      };
    case UnaryOp::kIsInf:
      return [](const void* x, void* y, int64_t n, const UnaryParams& p) noexcept {
        for (int64_t i = 0; i < n; ++i) {
          const T v = static_cast<const T*>(x)[i];
          static_cast<bool*>(y)[i] = std::isinf(v) && (v < 0 ? p.a != 0 : p.b != 0);
        }
      };
    default: return nullptr;
  }
}

template <class T, class Body>
void int_loop(const void* x, void* y, int64_t n, Body body) {
  for (int64_t i = 0; i < n; ++i) static_cast<T*>(y)[i] = static_cast<T>(body(static_cast<const T*>(x)[i]));
}
template <class T>
T negative(T v) {  // wraps
  return static_cast<T>(std::make_unsigned_t<T>{0} - static_cast<std::make_unsigned_t<T>>(v));
}

template <class T>
UnaryFn int_op(UnaryOp op) {
  constexpr bool kSigned = std::is_signed_v<T>;
  switch (op) {
    case UnaryOp::kAbs:
      return
          [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept { int_loop<T>(x, y, n, [](T v) { return v < 0 ? negative(v) : v; }); };
    case UnaryOp::kSign:
      return [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept {
        int_loop<T>(x, y, n, [](T v) { return v > 0 ? 1 : v < 0 ? -1 : 0; });
      };
    case UnaryOp::kNeg:
      if (!kSigned) return nullptr;
      return [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept { int_loop<T>(x, y, n, [](T v) { return negative(v); }); };
    case UnaryOp::kRelu:
      if (!kSigned) return nullptr;
      return [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept { int_loop<T>(x, y, n, [](T v) { return v < 0 ? 0 : v; }); };
    case UnaryOp::kBitwiseNot:
      return [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept { int_loop<T>(x, y, n, [](T v) { return ~v; }); };
    case UnaryOp::kClip:
      return [](const void* x, void* y, int64_t n, const UnaryParams& p) noexcept {
        int_loop<T>(x, y, n, [&](T v) {
          if constexpr (std::is_same_v<T, uint64_t>) {
            const uint64_t low = static_cast<uint64_t>(p.low_int < 0 ? 0 : p.low_int), high = static_cast<uint64_t>(p.high_int);
            return p.high_int == INT64_MAX ? (v < low ? low : v) : v < low ? low : v > high ? high : v;
          } else {
            const int64_t wide = static_cast<int64_t>(v), low = wide < p.low_int ? p.low_int : wide;
            return low > p.high_int ? p.high_int : low;
          }
        });
      };
    default: return nullptr;
  }
}

}  // namespace

UnaryFn unary(UnaryOp op, DType dtype) {
  switch (dtype) {
    case DType::kF32: return float_op<float>(op);
    case DType::kF64: return float_op<double>(op);
    case DType::kI8: return int_op<int8_t>(op);
    case DType::kU8: return int_op<uint8_t>(op);
    case DType::kI16: return int_op<int16_t>(op);
    case DType::kU16: return int_op<uint16_t>(op);
    case DType::kI32: return int_op<int32_t>(op);
    case DType::kU32: return int_op<uint32_t>(op);
    case DType::kI64: return int_op<int64_t>(op);
    case DType::kU64: return int_op<uint64_t>(op);
    case DType::kBool:
      if (op != UnaryOp::kNot) return nullptr;
      return [](const void* x, void* y, int64_t n, const UnaryParams&) noexcept {
        for (int64_t i = 0; i < n; ++i) static_cast<uint8_t*>(y)[i] = static_cast<const uint8_t*>(x)[i] == 0;
      };
    default: return nullptr;
  }
}

}  // namespace omni::kernels::scalar
