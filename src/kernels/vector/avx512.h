// Sixteen floats: the names of vector/avx2.h for AVX-512 (F, BW, DQ, VL). Included only by _avx512.cc files.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace omni::kernels::avx512 {
namespace {

inline constexpr int kLanes = 16;

struct F { __m512 v; };     // floats
struct I { __m512i v; };    // 32-bit integers
struct M { __mmask16 v; };  // a mask

inline F set(float x) { return {_mm512_set1_ps(x)}; }
inline I set_int(int32_t x) { return {_mm512_set1_epi32(x)}; }
inline F load(const float* p) { return {_mm512_loadu_ps(p)}; }
inline void store(float* p, F x) { _mm512_storeu_ps(p, x.v); }

inline __mmask16 tail(int64_t n) { return static_cast<__mmask16>((1u << n) - 1u); }
// The first n (0 to 16) lanes; the others are 0 and are not read or written.
inline F load(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(tail(n), p)}; }
inline void store(float* p, F x, int64_t n) { _mm512_mask_storeu_ps(p, tail(n), x.v); }
// The first n lanes of x, `other` elsewhere.
inline F first(F x, int64_t n, F other) { return {_mm512_mask_blend_ps(tail(n), other.v, x.v)}; }

inline F operator+(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
inline F operator-(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
inline F operator*(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
inline F operator/(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
inline F operator&(F a, F b) { return {_mm512_and_ps(a.v, b.v)}; }
inline F operator|(F a, F b) { return {_mm512_or_ps(a.v, b.v)}; }
inline F operator^(F a, F b) { return {_mm512_xor_ps(a.v, b.v)}; }
inline F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }    // a * b + c
inline F fnma(F a, F b, F c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a * b
inline F max(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }                // b where either is NaN
inline F min(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }                // b where either is NaN
inline F sqrt(F a) { return {_mm512_sqrt_ps(a.v)}; }
inline F round_even(F a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline F floor(F a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
inline F ceil(F a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
inline F sign_bit(F a) { return {_mm512_and_ps(a.v, _mm512_set1_ps(-0.0f))}; }
inline F abs(F a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }

inline M operator<(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
inline M operator<=(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
inline M operator==(F a, F b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
inline M is_nan(F a) { return {_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q)}; }
inline F select(M m, F a, F b) { return {_mm512_mask_blend_ps(m.v, b.v, a.v)}; }  // m ? a : b
inline uint32_t bits_of(M m) { return m.v; }

// One byte a lane: 1 where the mask is set.
inline void store_bools(uint8_t* p, M m) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_maskz_set1_epi8(m.v, 1)); }

// The lanes whose byte is not 0.
inline M load_bools(const uint8_t* p) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return {_mm_test_epi8_mask(bytes, bytes)};
}

inline I to_int(F a) { return {_mm512_cvtps_epi32(a.v)}; }
inline F to_float(I a) { return {_mm512_cvtepi32_ps(a.v)}; }
inline I as_int(F a) { return {_mm512_castps_si512(a.v)}; }
inline F as_float(I a) { return {_mm512_castsi512_ps(a.v)}; }
inline I operator+(I a, I b) { return {_mm512_add_epi32(a.v, b.v)}; }
inline I operator-(I a, I b) { return {_mm512_sub_epi32(a.v, b.v)}; }
inline I operator&(I a, I b) { return {_mm512_and_si512(a.v, b.v)}; }
inline I operator|(I a, I b) { return {_mm512_or_si512(a.v, b.v)}; }
template <int kBits> inline I shift_left(I a) { return {_mm512_slli_epi32(a.v, kBits)}; }
template <int kBits> inline I shift_right(I a) { return {_mm512_srai_epi32(a.v, kBits)}; }  // keeps the sign

// x * 2^n.
inline F scale(F x, I n) { return {_mm512_scalef_ps(x.v, _mm512_cvtepi32_ps(n.v))}; }

inline float sum(F a) {  // fixed order: halves, quarters, eighths
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
inline float max_lane(F a) {  // no NaN
  const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

// Doubles, half as many as the floats: sums are carried in them.
struct D { __m512d v; };
inline D zero_d() { return {_mm512_setzero_pd()}; }
inline D load_d(const double* p) { return {_mm512_loadu_pd(p)}; }
inline void store_d(double* p, D x) { _mm512_storeu_pd(p, x.v); }
inline D low_d(F a) { return {_mm512_cvtps_pd(_mm512_castps512_ps256(a.v))}; }
inline D high_d(F a) { return {_mm512_cvtps_pd(_mm512_extractf32x8_ps(a.v, 1))}; }
inline D operator+(D a, D b) { return {_mm512_add_pd(a.v, b.v)}; }
inline D fma(D a, D b, D c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
inline double sum(D a) {
  const __m256d h = _mm256_add_pd(_mm512_castpd512_pd256(a.v), _mm512_extractf64x4_pd(a.v, 1));
  const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(h), _mm256_extractf128_pd(h, 1));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

}  // namespace
}  // namespace omni::kernels::avx512
