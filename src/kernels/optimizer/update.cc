#include "kernels/optimizer/update.h"

#include <algorithm>

#include "kernels/x86.h"

namespace omni::kernels {

namespace {

const float* at(const float* p, int64_t offset) { return p == nullptr ? nullptr : p + offset; }
float* at(float* p, int64_t offset) { return p == nullptr ? nullptr : p + offset; }

}  // namespace

UpdateKernels select_update(core::Isa isa) {
#if defined(__x86_64__)
  if (runs_avx512(isa)) return avx512::update();
  if (runs_avx2(isa)) return avx2::update();
#endif
  (void)isa;
  return scalar::update();
}

void run_sgd(SgdFn fn, const float* w, const float* g, const float* v, float* new_w, float* new_v, int64_t n, const SgdStep& step,
             core::ThreadPool& pool) noexcept {
  pool.parallel_for(square_parts(n), [&](int64_t task) {
    const int64_t begin = task * kUpdateGrain;
    fn(w + begin, g + begin, at(v, begin), new_w + begin, at(new_v, begin), std::min(kUpdateGrain, n - begin), step);
  });
}

void run_adam(AdamFn fn, const float* w, const float* g, const float* m, const float* v, float* new_w, float* new_m, float* new_v, int64_t n,
              const AdamStep& step, core::ThreadPool& pool) noexcept {
  pool.parallel_for(square_parts(n), [&](int64_t task) {
    const int64_t begin = task * kUpdateGrain;
    fn(w + begin, g + begin, m + begin, v + begin, new_w + begin, new_m + begin, new_v + begin, std::min(kUpdateGrain, n - begin), step);
  });
}

void run_square_sums(SquareSumFn fn, const float* x, int64_t n, double* parts, core::ThreadPool& pool) noexcept {
  pool.parallel_for(square_parts(n), [&](int64_t task) {
    const int64_t begin = task * kUpdateGrain;
    parts[task] = fn(x + begin, std::min(kUpdateGrain, n - begin));
  });
}

}  // namespace omni::kernels
