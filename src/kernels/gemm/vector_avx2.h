// Eight floats in a ymm register, for tile_body.h and the other f32 kernels compiled for AVX2+FMA.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace omni::kernels {
namespace {

struct Vector256 {
  using Reg = __m256;
  struct Mask {
    __m256i bits;
    int valid;
  };
  static constexpr int kLanes = 8;

  static Reg zero() { return _mm256_setzero_ps(); }
  static Reg set(float x) { return _mm256_set1_ps(x); }
  static Reg load(const float* p) { return _mm256_loadu_ps(p); }
  static Reg load(const float* p, Mask m) { return _mm256_maskload_ps(p, m.bits); }
  static void store(float* p, Reg x) { _mm256_storeu_ps(p, x); }
  // In pieces: a masked store takes tens of cycles on AMD.
  static void store(float* p, const Mask& m, Reg x) {
    __m128 part = _mm256_castps256_ps128(x);
    if (m.valid >= kLanes) return store(p, x);
    if ((m.valid & 4) != 0) {
      _mm_storeu_ps(p, part);
      part = _mm256_extractf128_ps(x, 1);
      p += 4;
    }
    if ((m.valid & 2) != 0) {
      _mm_storel_pi(reinterpret_cast<__m64*>(p), part);
      part = _mm_movehl_ps(part, part);
      p += 2;
    }
    if ((m.valid & 1) != 0) _mm_store_ss(p, part);
  }
  static Mask mask(int64_t valid) {
    const int n = static_cast<int>(valid > kLanes ? kLanes : valid);
    return {_mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)), n};
  }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm256_fmadd_ps(a, b, c); }
  static Reg add(Reg a, Reg b) { return _mm256_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm256_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm256_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm256_div_ps(a, b); }
  static Reg max(Reg floor, Reg x) { return _mm256_max_ps(floor, x); }
  static Reg min(Reg ceiling, Reg x) { return _mm256_min_ps(ceiling, x); }
  using Bool = __m256;
  static Bool greater(Reg a, Reg b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
  static Bool equal(Reg a, Reg b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
  static Reg select(Bool m, Reg yes, Reg no) { return _mm256_blendv_ps(no, yes, m); }
  static float sum(Reg x) {
    const __m128 q = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
  }
};

}  // namespace
}  // namespace omni::kernels
