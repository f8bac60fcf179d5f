// Batch normalization as its definition reads.
#include "kernels/norm/norm.h"

namespace omni::kernels {

void column_sums_reference(const NormShape& s, const float* x, float* sums) noexcept {
  for (int64_t c = 0; c < s.channels; ++c) {
    double sum = 0;
    for (int64_t r = 0; r < s.rows; ++r) sum += x[r * s.channels + c];
    sums[c] = static_cast<float>(sum);
  }
}

void batch_moments_reference(const NormShape& s, const float* x, float* mean, float* variance) noexcept {
  const double n = static_cast<double>(s.rows);
  for (int64_t c = 0; c < s.channels; ++c) {
    double sum = 0, squares = 0;
    for (int64_t r = 0; r < s.rows; ++r) sum += x[r * s.channels + c];
    for (int64_t r = 0; r < s.rows; ++r) squares += (x[r * s.channels + c] - sum / n) * (x[r * s.channels + c] - sum / n);
    mean[c] = static_cast<float>(sum / n);
    variance[c] = static_cast<float>(squares / n);
  }
}

void batch_norm_grad_reference(const BatchNormGradArgs& a) noexcept {
  const NormShape& s = a.shape;
  const double n = static_cast<double>(s.rows);
  for (int64_t c = 0; c < s.channels; ++c) {
    double sum = 0, product = 0;
    const auto normal = [&](int64_t r) { return (static_cast<double>(a.x[r * s.channels + c]) - a.mean[c]) * a.inverse[c]; };
    for (int64_t r = 0; r < s.rows; ++r) {
      sum += a.dy[r * s.channels + c];
      product += a.dy[r * s.channels + c] * normal(r);
    }
    a.dshift[c] = static_cast<float>(sum);
    a.dscale[c] = static_cast<float>(product);
    for (int64_t r = 0; a.dx != nullptr && r < s.rows; ++r) {
      const double dy = a.dy[r * s.channels + c];
      a.dx[r * s.channels + c] = static_cast<float>(a.scale[c] * static_cast<double>(a.inverse[c]) * (dy - sum / n - normal(r) * product / n));
    }
  }
}

}  // namespace omni::kernels
