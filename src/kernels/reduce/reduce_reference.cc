// The scalar truth of the reductions.

#include <cmath>
#include <limits>
#include <type_traits>

#include "kernels/reduce/reduce.h"

namespace omni::kernels::scalar {

namespace {

using core::DType;

template <class T>
using Sum = std::conditional_t<std::is_floating_point_v<T>, double, uint64_t>;  // integers wrap
template <class T>
using Signed = std::conditional_t<std::is_floating_point_v<T>, double, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

// An accumulation: the type of accumulators, their start, how an element and another accumulator come in, how the result is read.
template <class T>
struct SumOf {
  using Type = T;
  using Acc = Sum<T>;
  static Acc start() { return 0; }
  static void add(Acc& a, T x) { a += static_cast<Acc>(x); }
  static void combine(Acc& a, Acc b) { a += b; }
  static T result(Acc a, int64_t) { return static_cast<T>(a); }
};
template <class T>
struct MeanOf : SumOf<T> {
  static T result(Sum<T> a, int64_t n) {
    if constexpr (std::is_floating_point_v<T>)
      return static_cast<T>(a / static_cast<double>(n));
    else
      return n == 0 ? T{0} : static_cast<T>(static_cast<Signed<T>>(a) / static_cast<Signed<T>>(n));
  }
};
template <class T>
struct LogSumOf : SumOf<T> {
  static T result(double a, int64_t) { return static_cast<T>(std::log(a)); }
};
template <class T>
struct SquareOf : SumOf<T> {
  static void add(Sum<T>& a, T x) { a += static_cast<Sum<T>>(x) * static_cast<Sum<T>>(x); }
};
template <class T>
struct L2Of : SquareOf<T> {
  static T result(double a, int64_t) { return static_cast<T>(std::sqrt(a)); }
};
template <class T>
struct AbsOf : SumOf<T> {
  static void add(Sum<T>& a, T x) { a += x < 0 ? Sum<T>{0} - static_cast<Sum<T>>(x) : static_cast<Sum<T>>(x); }
};
template <class T>
struct ProductOf : SumOf<T> {
  static Sum<T> start() { return 1; }
  static void add(Sum<T>& a, T x) { a *= static_cast<Sum<T>>(x); }
  static void combine(Sum<T>& a, Sum<T> b) { a *= b; }
};
template <class T>
struct MaxOf {
  using Type = T;
  using Acc = Signed<T>;
  static Acc start() { return std::is_floating_point_v<T> ? -std::numeric_limits<Acc>::infinity() : static_cast<Acc>(std::numeric_limits<T>::min()); }
  static void add(Acc& a, T x) { combine(a, static_cast<Acc>(x)); }
  static void combine(Acc& a, Acc b) {
    if (b > a || b != b) a = b;
  }
  static T result(Acc a, int64_t) { return static_cast<T>(a); }
};
template <class T>
struct MinOf {
  using Type = T;
  using Acc = Signed<T>;
  static Acc start() { return std::is_floating_point_v<T> ? std::numeric_limits<Acc>::infinity() : static_cast<Acc>(std::numeric_limits<T>::max()); }
  static void add(Acc& a, T x) { combine(a, static_cast<Acc>(x)); }
  static void combine(Acc& a, Acc b) {
    if (b < a || b != b) a = b;
  }
  static T result(Acc a, int64_t) { return static_cast<T>(a); }
};
// log Σ e^x with the largest x taken out, kept up to date on the way.
template <class T>
struct LogSumExpOf {
  using Type = T;
  struct Acc {
    double max, sum;
  };
  static Acc start() { return {-std::numeric_limits<double>::infinity(), 0}; }
  static void add(Acc& a, T x) { combine(a, {static_cast<double>(x), 1}); }
  static void combine(Acc& a, Acc b) {
    if (b.max != b.max || a.max != a.max) {
      a.max = std::numeric_limits<double>::quiet_NaN();
    } else if (b.max > a.max) {
      a = {b.max, (a.sum == 0 ? 0 : a.sum * std::exp(a.max - b.max)) + b.sum};
    } else if (b.sum != 0 && std::isfinite(b.max)) {
      a.sum += std::isinf(a.max) ? 0 : b.sum * std::exp(b.max - a.max);
    }
  }
  static T result(Acc a, int64_t) { return static_cast<T>(std::isfinite(a.max) ? a.max + std::log(a.sum) : a.max); }
};

template <class Op>
ReduceFns make() {
  using T = typename Op::Type;
  using Acc = typename Op::Acc;
  ReduceFns fns;
  fns.size = sizeof(Acc);
  fns.start = [](void* accumulators, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) static_cast<Acc*>(accumulators)[i] = Op::start();
  };
  fns.row = [](const void* x, int64_t n, void* accumulator) noexcept {
    Acc a = *static_cast<Acc*>(accumulator);
    for (int64_t i = 0; i < n; ++i) Op::add(a, static_cast<const T*>(x)[i]);
    *static_cast<Acc*>(accumulator) = a;
  };
  fns.columns = [](const void* x, int64_t rows, int64_t stride, int64_t n, void* accumulators) noexcept {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t i = 0; i < n; ++i) Op::add(static_cast<Acc*>(accumulators)[i], static_cast<const T*>(x)[r * stride + i]);
    }
  };
  fns.combine = [](void* accumulators, const void* others, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) Op::combine(static_cast<Acc*>(accumulators)[i], static_cast<const Acc*>(others)[i]);
  };
  fns.finish = [](const void* accumulators, int64_t count, void* y, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) static_cast<T*>(y)[i] = Op::result(static_cast<const Acc*>(accumulators)[i], count);
  };
  return fns;
}

template <class T>
ReduceFns make_typed(ReduceOp op) {
  switch (op) {
    case ReduceOp::kSum: return make<SumOf<T>>();
    case ReduceOp::kMean: return make<MeanOf<T>>();
    case ReduceOp::kMax: return make<MaxOf<T>>();
    case ReduceOp::kMin: return make<MinOf<T>>();
    case ReduceOp::kProd: return make<ProductOf<T>>();
    case ReduceOp::kL1: return make<AbsOf<T>>();
    case ReduceOp::kSumSquare: return make<SquareOf<T>>();
    default: break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (op == ReduceOp::kL2) return make<L2Of<T>>();
    if (op == ReduceOp::kLogSum) return make<LogSumOf<T>>();
    if (op == ReduceOp::kLogSumExp) return make<LogSumExpOf<T>>();
  }
  return {};
}

}  // namespace

ReduceFns reduce(ReduceOp op, DType dtype) {
  switch (dtype) {
    case DType::kF32: return make_typed<float>(op);
    case DType::kF64: return make_typed<double>(op);
    case DType::kI8: return make_typed<int8_t>(op);
    case DType::kU8: return make_typed<uint8_t>(op);
    case DType::kI32: return make_typed<int32_t>(op);
    case DType::kU32: return make_typed<uint32_t>(op);
    case DType::kI64: return make_typed<int64_t>(op);
    case DType::kU64: return make_typed<uint64_t>(op);
    default: return {};
  }
}

}  // namespace omni::kernels::scalar
