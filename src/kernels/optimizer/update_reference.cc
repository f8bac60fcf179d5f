// The scalar truth of the optimizer steps.
#include <cmath>

#include "kernels/optimizer/update.h"

namespace omni::kernels::scalar {

namespace {

void sgd(const float* w, const float* g, const float* v, float* new_w, float* new_v, int64_t n, const SgdStep& s) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const float old = w[i];
    const float d = s.scale * g[i] + s.decay * old;
    if (v == nullptr) {
      new_w[i] = old - s.rate * d;
      continue;
    }
    const float velocity = s.momentum * v[i] + d;
    new_w[i] = old - s.rate * (s.nesterov ? d + s.momentum * velocity : velocity);
    new_v[i] = velocity;
  }
}

void adam(const float* w, const float* g, const float* m, const float* v, float* new_w, float* new_m, float* new_v, int64_t n,
          const AdamStep& s) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const float old = w[i];
    const float d = s.scale * g[i] + s.decay * old;
    const float first = m[i] + s.one_minus_beta1 * (d - m[i]);
    const float second = s.beta2 * v[i] + s.one_minus_beta2 * (d * d);
    new_w[i] = s.keep * old - s.rate * first / (s.root * std::sqrt(second) + s.epsilon);
    new_m[i] = first;
    new_v[i] = second;
  }
}

double square_sum(const float* x, int64_t n) noexcept {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * x[i];
  return sum;
}

}  // namespace

UpdateKernels update() { return {sgd, adam, square_sum}; }

}  // namespace omni::kernels::scalar
