#include "kernels/conv/order.h"

#include <algorithm>

#include "kernels/gemm/pack.h"

namespace omni::kernels {

void exchange_order(const float* x, int64_t images, int64_t rows, int64_t columns, float* y, core::ThreadPool& pool) noexcept {
  constexpr int64_t kStrip = 64;  // columns of a task
  const int64_t strips = (columns + kStrip - 1) / kStrip;
  pool.parallel_for(images * strips, [&](int64_t task) {
    const int64_t image = task / strips * rows * columns, c0 = task % strips * kStrip, c1 = std::min(columns, c0 + kStrip);
    transpose(x + image + c0, columns, rows, c1 - c0, y + image + c0 * rows, rows);
  });
}

}  // namespace omni::kernels
