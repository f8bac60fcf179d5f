// f32 GEMM as its definition reads.
#include "kernels/gemm/gemm.h"

namespace omni::kernels {

namespace {

float finish(const Epilogue& e, int64_t row, int64_t column, const float* addend, double sum) {
  double y = e.alpha * sum;
  if (addend != nullptr) y += static_cast<double>(e.beta) * addend[row * e.addend_row + column * e.addend_column];
  if (e.residual != nullptr) y += e.residual[row * e.residual_row + column];
  if (e.clamp && y < e.lo) y = e.lo;
  if (e.clamp && y > e.hi) y = e.hi;
  return static_cast<float>(y);
}

}  // namespace

void gemm_reference(const GemmArgs& g) noexcept {
  const GemmShape& s = g.shape;
  for (int64_t item = 0; item < s.batch; ++item) {
    const float* const a = g.a + (g.a_offsets != nullptr ? g.a_offsets[item] : 0);
    const float* const b = g.b + (g.b_offsets != nullptr ? g.b_offsets[item] : 0);
    float* const c = g.c + (g.c_offsets != nullptr ? g.c_offsets[item] : 0);
    const float* addend = g.epilogue.addend;
    if (addend != nullptr && g.addend_offsets != nullptr) addend += g.addend_offsets[item];
    for (int64_t i = 0; i < s.m; ++i) {
      for (int64_t j = 0; j < s.n; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < s.k; ++k) {
          const float x = s.trans_a ? a[k * g.a_row + i] : a[i * g.a_row + k];
          const float y = s.trans_b ? b[j * g.b_row + k] : b[k * g.b_row + j];
          sum += static_cast<double>(x) * y;
        }
        c[i * g.c_row + j] = finish(g.epilogue, i, j, addend, sum);
      }
    }
  }
}

}  // namespace omni::kernels
