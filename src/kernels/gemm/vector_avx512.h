// Sixteen floats in a zmm register, for tile_body.h and the other f32 kernels compiled for AVX-512.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace omni::kernels {
namespace {

struct Vector512 {
  using Reg = __m512;
  using Mask = __mmask16;
  static constexpr int kLanes = 16;

  static Reg zero() { return _mm512_setzero_ps(); }
  static Reg set(float x) { return _mm512_set1_ps(x); }
  static Reg load(const float* p) { return _mm512_loadu_ps(p); }
  static Reg load(const float* p, Mask m) { return _mm512_maskz_loadu_ps(m, p); }
  static void store(float* p, Reg x) { _mm512_storeu_ps(p, x); }
  static void store(float* p, Mask m, Reg x) { _mm512_mask_storeu_ps(p, m, x); }
  static Mask mask(int64_t valid) { return valid >= kLanes ? Mask(0xffff) : Mask((1u << valid) - 1u); }
  static Reg fma(Reg a, Reg b, Reg c) { return _mm512_fmadd_ps(a, b, c); }
  static Reg add(Reg a, Reg b) { return _mm512_add_ps(a, b); }
  static Reg sub(Reg a, Reg b) { return _mm512_sub_ps(a, b); }
  static Reg mul(Reg a, Reg b) { return _mm512_mul_ps(a, b); }
  static Reg div(Reg a, Reg b) { return _mm512_div_ps(a, b); }
  static Reg max(Reg floor, Reg x) { return _mm512_max_ps(floor, x); }
  static Reg min(Reg ceiling, Reg x) { return _mm512_min_ps(ceiling, x); }
  using Bool = __mmask16;
  static Bool greater(Reg a, Reg b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
  static Bool equal(Reg a, Reg b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
  static Reg select(Bool m, Reg yes, Reg no) { return _mm512_mask_blend_ps(m, no, yes); }
  static float sum(Reg x) {
    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(d, _mm_shuffle_ps(d, d, 1)));
  }
};

}  // namespace
}  // namespace omni::kernels
