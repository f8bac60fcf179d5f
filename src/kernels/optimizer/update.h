// One step of an optimizer on one parameter, element by element in f32, and the sum of squares that a global norm is made of.
//
// Element i depends on elements i alone, so any cut gives the same bytes; an output may be any input itself. Sources: torch.optim.SGD (decay
// is added to the gradient before the momentum), Kingma and Ba 2015 (Adam), Loshchilov and Hutter 2019 (AdamW, decay apart from the gradient).
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "core/thread_pool.h"

namespace omni::kernels {

// d = scale g + decay w;  v' = momentum v + d;  w' = w - rate (nesterov ? d + momentum v' : v')
struct SgdStep {
  float rate = 0, scale = 1, decay = 0, momentum = 0;
  bool nesterov = false;
};

// d = scale g + decay w;  m' = m + (1 - beta1) (d - m);  v' = beta2 v + (1 - beta2) d²;  w' = keep w - rate m' / (root √v' + epsilon)
// rate = lr / (1 - beta1^t), root = 1 / √(1 - beta2^t), keep = 1 - lr · (decoupled decay).
struct AdamStep {
  float rate = 0, scale = 1, decay = 0, keep = 1, one_minus_beta1 = 0, beta2 = 0, one_minus_beta2 = 0, root = 1, epsilon = 0;
};

// n elements; v and new_v are null without momentum.
using SgdFn = void (*)(const float* w, const float* g, const float* v, float* new_w, float* new_v, int64_t n, const SgdStep& step) noexcept;
using AdamFn = void (*)(const float* w, const float* g, const float* m, const float* v, float* new_w, float* new_m, float* new_v, int64_t n,
                        const AdamStep& step) noexcept;
using SquareSumFn = double (*)(const float* x, int64_t n) noexcept;

struct UpdateKernels {
  SgdFn sgd = nullptr;
  AdamFn adam = nullptr;
  SquareSumFn square_sum = nullptr;
};

inline constexpr int64_t kUpdateGrain = 1 << 14;  // elements of a task: five streams of 64 KB stay in L2

UpdateKernels select_update(core::Isa isa);

void run_sgd(SgdFn fn, const float* w, const float* g, const float* v, float* new_w, float* new_v, int64_t n, const SgdStep& step,
             core::ThreadPool& pool) noexcept;
void run_adam(AdamFn fn, const float* w, const float* g, const float* m, const float* v, float* new_w, float* new_m, float* new_v, int64_t n,
              const AdamStep& step, core::ThreadPool& pool) noexcept;
// Number of partial sums that n elements need.
constexpr int64_t square_parts(int64_t n) { return (n + kUpdateGrain - 1) / kUpdateGrain; }
// One f64 sum a block of kUpdateGrain elements into `parts`; whoever adds them up does it in their order.
void run_square_sums(SquareSumFn fn, const float* x, int64_t n, double* parts, core::ThreadPool& pool) noexcept;

namespace scalar {
UpdateKernels update();
}
namespace avx2 {
UpdateKernels update();
}
namespace avx512 {
UpdateKernels update();
}

}  // namespace omni::kernels
