#include <algorithm>

#include "core/half.h"
#include "kernels/reduce/reduce.h"

namespace omni::kernels {

using core::DType;

namespace {

struct F16 {
  uint16_t bits;
};
struct BF16 {
  uint16_t bits;
};
template <class T>
T value_of(T v) {
  return v;
}
float value_of(F16 v) { return core::f16_to_f32(v.bits); }
float value_of(BF16 v) { return core::bf16_to_f32(v.bits); }

template <class T>
void run(const ArgReduceArgs& args, const T* x, int64_t* y, core::ThreadPool& pool) noexcept {
  const int64_t group = std::max<int64_t>(1, (1 << 14) / std::max<int64_t>(1, args.axis)), results = args.outer * args.inner;
  pool.parallel_for((results + group - 1) / group, [&](int64_t task) {
    for (int64_t r = task * group; r < std::min(results, (task + 1) * group); ++r) {
      const T* from = x + r / args.inner * args.axis * args.inner + r % args.inner;
      int64_t best = 0;
      auto value = value_of(from[0]);
      for (int64_t i = 1; i < args.axis && value == value; ++i) {
        const auto v = value_of(from[i * args.inner]);
        const bool better = v != v || (args.smallest ? v < value : v > value);
        if (better || (args.last && v == value)) {
          best = i;
          value = v;
        }
      }
      y[r] = best;
    }
  });
}

}  // namespace

bool arg_reduce_supports(DType dtype) { return core::is_float(dtype) || (core::is_integer(dtype) && core::dtype_bits(dtype) >= 8); }

void run_arg_reduce(const ArgReduceArgs& args, const void* x, int64_t* y, core::ThreadPool& pool) noexcept {
  switch (args.dtype) {
    case DType::kF32: return run(args, static_cast<const float*>(x), y, pool);
    case DType::kF64: return run(args, static_cast<const double*>(x), y, pool);
    case DType::kF16: return run(args, static_cast<const F16*>(x), y, pool);
    case DType::kBF16: return run(args, static_cast<const BF16*>(x), y, pool);
    case DType::kI8: return run(args, static_cast<const int8_t*>(x), y, pool);
    case DType::kU8: return run(args, static_cast<const uint8_t*>(x), y, pool);
    case DType::kI16: return run(args, static_cast<const int16_t*>(x), y, pool);
    case DType::kU16: return run(args, static_cast<const uint16_t*>(x), y, pool);
    case DType::kI32: return run(args, static_cast<const int32_t*>(x), y, pool);
    case DType::kU32: return run(args, static_cast<const uint32_t*>(x), y, pool);
    case DType::kI64: return run(args, static_cast<const int64_t*>(x), y, pool);
    case DType::kU64: return run(args, static_cast<const uint64_t*>(x), y, pool);
    default: return;
  }
}

}  // namespace omni::kernels
