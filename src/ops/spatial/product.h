// Matrix products of either float type, for operators that reduce to them: f32 by the GEMM kernels, f64 by plain loops (the reference's precision).
#pragma once

#include "kernels/gemm/gemm.h"

namespace omni::ops {

// C[m, n] = op(A)[m, k] B[k, n], all row-major and dense; op transposes A stored [k, m], B is stored [n, k] with trans_b.
struct ProductShape {
  int64_t m = 0, n = 0, k = 0;
  bool trans_a = false, trans_b = false;
};

inline kernels::GemmShape gemm_shape(const ProductShape& s) { return {s.m, s.n, s.k, s.trans_a, s.trans_b, false, 1}; }

template <class T>
size_t product_scratch(core::Isa isa, const ProductShape& s) {
  return sizeof(T) == sizeof(float) ? kernels::gemm_scratch_bytes(isa, gemm_shape(s)) : 0;
}

inline void product(core::Isa isa, const ProductShape& s, const float* a, const float* b, float* c, std::byte* scratch,
                    core::ThreadPool& pool) noexcept {
  kernels::GemmArgs g;
  g.shape = gemm_shape(s);
  g.a = a;
  g.a_row = s.trans_a ? s.m : s.k;
  g.b = b;
  g.b_row = s.trans_b ? s.k : s.n;
  g.c = c;
  g.c_row = s.n;
  g.scratch = scratch;
  kernels::gemm(isa, g, pool);
}

inline void product(core::Isa, const ProductShape& s, const double* a, const double* b, double* c, std::byte*, core::ThreadPool& pool) noexcept {
  pool.parallel_for(s.m, [&](int64_t i) {
    double* const row = c + i * s.n;
    for (int64_t j = 0; j < s.n; ++j) row[j] = 0;
    for (int64_t k = 0; k < s.k; ++k) {
      const double x = s.trans_a ? a[k * s.m + i] : a[i * s.k + k];
      for (int64_t j = 0; j < s.n; ++j) row[j] += x * (s.trans_b ? b[j * s.k + k] : b[k * s.n + j]);
    }
  });
}

}  // namespace omni::ops
