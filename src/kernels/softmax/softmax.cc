#include "kernels/softmax/softmax.h"

#include <algorithm>

#include "kernels/x86.h"

namespace omni::kernels {

using core::DType;

namespace {
constexpr int64_t kTaskElements = 1 << 13;  // an exponential each
}

SoftmaxKernel select_softmax(DType dtype, core::Isa isa) {
#if defined(__x86_64__)
  if (dtype == DType::kF32 && runs_avx512(isa)) return avx512::softmax_f32();
  if (dtype == DType::kF32 && runs_avx2(isa)) return avx2::softmax_f32();
#endif
  static_cast<void>(isa);
  return scalar::softmax(dtype);
}

void run_softmax(const SoftmaxKernel& kernel, const SoftmaxArgs& args, const void* x, void* y, core::ThreadPool& pool) noexcept {
  const int64_t size = static_cast<int64_t>(core::dtype_size(kernel.dtype)), panel = args.axis * args.inner;
  if (panel == 0) return;
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  if (args.inner == 1) {
    const int64_t group = std::max<int64_t>(1, kTaskElements / args.axis);
    pool.parallel_for((args.outer + group - 1) / group, [&](int64_t task) {
      for (int64_t o = task * group; o < std::min(args.outer, (task + 1) * group); ++o)
        kernel.row(from + o * panel * size, to + o * panel * size, args.axis, args.log);
    });
    return;
  }
  const int64_t blocks = (args.inner + kSoftmaxColumns - 1) / kSoftmaxColumns, units = args.outer * blocks;
  const int64_t group = std::max<int64_t>(1, kTaskElements / (args.axis * kSoftmaxColumns));
  pool.parallel_for((units + group - 1) / group, [&](int64_t task) {
    for (int64_t u = task * group; u < std::min(units, (task + 1) * group); ++u) {
      const int64_t first = u % blocks * kSoftmaxColumns, at = (u / blocks * panel + first) * size;
      kernel.column_block(from + at, to + at, args.axis, args.inner, std::min(kSoftmaxColumns, args.inner - first), args.log);
    }
  });
}

}  // namespace omni::kernels
