// Rows of scores for every other instruction set.
#include <cmath>

#include "kernels/attention/attention.h"

namespace omni::kernels::scalar {

namespace {

void adjust(float* s, int64_t n, float scale, const float* bias, int64_t step) noexcept {
  for (int64_t i = 0; i < n; ++i) s[i] = s[i] * scale + (bias != nullptr ? bias[i * step] : 0.0f);
}

void hide(float* s, int64_t n, const uint8_t* mask, int64_t step, uint8_t hides, float fill) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    if ((mask[i * step] != 0) == (hides != 0)) s[i] = fill;
  }
}

float weigh(float* s, int64_t n, float* best, double* total) noexcept {
  const float before = *best;
  float now = before;
  for (int64_t i = 0; i < n; ++i) now = s[i] > now ? s[i] : now;
  const double shift = now == -INFINITY ? 0.0 : static_cast<double>(now);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double e = std::exp(static_cast<double>(s[i]) - shift);
    sum += e;
    s[i] = static_cast<float>(e);
  }
  const double correction = before == now ? 1.0 : std::exp(static_cast<double>(before) - shift);
  *best = now;
  *total = *total * correction + sum;
  return static_cast<float>(correction);
}

void multiply(float* y, int64_t n, float factor) noexcept {
  for (int64_t i = 0; i < n; ++i) y[i] *= factor;
}

}  // namespace

AttentionRow attention_row() { return {adjust, hide, weigh, multiply}; }

}  // namespace omni::kernels::scalar
