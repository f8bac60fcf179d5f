// The scalar truth, in double.

#include <cmath>

#include "kernels/softmax/softmax.h"

namespace omni::kernels::scalar {

namespace {

template <class T>
void column(const T* x, T* y, int64_t n, int64_t stride, bool log) {
  double biggest = -INFINITY, sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double v = static_cast<double>(x[i * stride]);
    if (v > biggest || v != v) biggest = v;
  }
  for (int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i * stride]) - biggest);
  const double log_sum = std::log(sum);
  for (int64_t i = 0; i < n; ++i) {
    const double shifted = static_cast<double>(x[i * stride]) - biggest;
    y[i * stride] = static_cast<T>(log ? shifted - log_sum : std::exp(shifted) / sum);
  }
}

template <class T>
SoftmaxKernel make(core::DType dtype) {
  SoftmaxKernel kernel;
  kernel.dtype = dtype;
  kernel.row = [](const void* x, void* y, int64_t n, bool log) noexcept { column(static_cast<const T*>(x), static_cast<T*>(y), n, 1, log); };
  kernel.column_block = [](const void* x, void* y, int64_t n, int64_t stride, int64_t columns, bool log) noexcept {
    for (int64_t c = 0; c < columns; ++c) column(static_cast<const T*>(x) + c, static_cast<T*>(y) + c, n, stride, log);
  };
  kernel.exp_scale = [](const float* x, const float* s, int64_t step, float* y, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(std::exp(static_cast<double>(x[i])) * static_cast<double>(s[i * step]));
  };
  return kernel;
}

}  // namespace

SoftmaxKernel softmax(core::DType dtype) {
  switch (dtype) {
    case core::DType::kF32: return make<float>(dtype);
    case core::DType::kF64: return make<double>(dtype);
    default: return {};
  }
}

}  // namespace omni::kernels::scalar
