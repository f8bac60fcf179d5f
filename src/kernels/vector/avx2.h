// Eight floats: the names that the shared vector code (vector/math.inc, elementwise, reduce, softmax) is written in, for AVX2+FMA.
// Included only by _avx2.cc files; avx512.h offers the same names. Everything is in the anonymous namespace, so nothing is shared at link time.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace omni::kernels::avx2 {
namespace {

inline constexpr int kLanes = 8;

struct F { __m256 v; };   // floats
struct I { __m256i v; };  // 32-bit integers
struct M { __m256 v; };   // a mask: every lane all ones or all zeros

inline F set(float x) { return {_mm256_set1_ps(x)}; }
inline I set_int(int32_t x) { return {_mm256_set1_epi32(x)}; }
inline F load(const float* p) { return {_mm256_loadu_ps(p)}; }
inline void store(float* p, F x) { _mm256_storeu_ps(p, x.v); }

alignas(32) constexpr int32_t kTail[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
inline __m256i tail(int64_t n) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kTail + 8 - n)); }
// The first n (0 to 8) lanes; the others are 0 and are not read or written.
inline F load(const float* p, int64_t n) { return {_mm256_maskload_ps(p, tail(n))}; }
inline void store(float* p, F x, int64_t n) { _mm256_maskstore_ps(p, tail(n), x.v); }
// The first n lanes of x, `other` elsewhere.
inline F first(F x, int64_t n, F other) { return {_mm256_blendv_ps(other.v, x.v, _mm256_castsi256_ps(tail(n)))}; }

inline F operator+(F a, F b) { return {_mm256_add_ps(a.v, b.v)}; }
inline F operator-(F a, F b) { return {_mm256_sub_ps(a.v, b.v)}; }
inline F operator*(F a, F b) { return {_mm256_mul_ps(a.v, b.v)}; }
inline F operator/(F a, F b) { return {_mm256_div_ps(a.v, b.v)}; }
inline F operator&(F a, F b) { return {_mm256_and_ps(a.v, b.v)}; }
inline F operator|(F a, F b) { return {_mm256_or_ps(a.v, b.v)}; }
inline F operator^(F a, F b) { return {_mm256_xor_ps(a.v, b.v)}; }
inline F fma(F a, F b, F c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }    // a * b + c
inline F fnma(F a, F b, F c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a * b
inline F max(F a, F b) { return {_mm256_max_ps(a.v, b.v)}; }                // b where either is NaN
inline F min(F a, F b) { return {_mm256_min_ps(a.v, b.v)}; }                // b where either is NaN
inline F sqrt(F a) { return {_mm256_sqrt_ps(a.v)}; }
inline F round_even(F a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
inline F floor(F a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
inline F ceil(F a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
inline F sign_bit(F a) { return {_mm256_and_ps(a.v, _mm256_set1_ps(-0.0f))}; }
inline F abs(F a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }

inline M operator<(F a, F b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
inline M operator<=(F a, F b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
inline M operator==(F a, F b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
inline M is_nan(F a) { return {_mm256_cmp_ps(a.v, a.v, _CMP_UNORD_Q)}; }
inline F select(M m, F a, F b) { return {_mm256_blendv_ps(b.v, a.v, m.v)}; }  // m ? a : b
inline uint32_t bits_of(M m) { return static_cast<uint32_t>(_mm256_movemask_ps(m.v)); }

// One byte a lane: 1 where the mask is set.
inline void store_bools(uint8_t* p, M m) {
  const __m256i lanes = _mm256_castps_si256(m.v);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_and_si128(_mm_packs_epi16(words, words), _mm_set1_epi8(1)));
}

// The lanes whose byte is not 0.
inline M load_bools(const uint8_t* p) {
  const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  return {_mm256_castsi256_ps(_mm256_cmpgt_epi32(bytes, _mm256_setzero_si256()))};
}

inline I to_int(F a) { return {_mm256_cvtps_epi32(a.v)}; }
inline F to_float(I a) { return {_mm256_cvtepi32_ps(a.v)}; }
inline I as_int(F a) { return {_mm256_castps_si256(a.v)}; }
inline F as_float(I a) { return {_mm256_castsi256_ps(a.v)}; }
inline I operator+(I a, I b) { return {_mm256_add_epi32(a.v, b.v)}; }
inline I operator-(I a, I b) { return {_mm256_sub_epi32(a.v, b.v)}; }
inline I operator&(I a, I b) { return {_mm256_and_si256(a.v, b.v)}; }
inline I operator|(I a, I b) { return {_mm256_or_si256(a.v, b.v)}; }
template <int kBits> inline I shift_left(I a) { return {_mm256_slli_epi32(a.v, kBits)}; }
template <int kBits> inline I shift_right(I a) { return {_mm256_srai_epi32(a.v, kBits)}; }  // keeps the sign

// x * 2^n for n within [-252, 254], rounded once more where the result is denormal.
inline F scale(F x, I n) {
  const I half = shift_right<1>(n);
  const I bias = set_int(127);
  return x * as_float(shift_left<23>(half + bias)) * as_float(shift_left<23>(n - half + bias));
}

inline float sum(F a) {  // fixed order: halves, then quarters
  __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
inline float max_lane(F a) {  // no NaN
  __m128 x = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}

// Doubles, half as many as the floats: sums are carried in them.
struct D { __m256d v; };
inline D zero_d() { return {_mm256_setzero_pd()}; }
inline D load_d(const double* p) { return {_mm256_loadu_pd(p)}; }
inline void store_d(double* p, D x) { _mm256_storeu_pd(p, x.v); }
inline D low_d(F a) { return {_mm256_cvtps_pd(_mm256_castps256_ps128(a.v))}; }
inline D high_d(F a) { return {_mm256_cvtps_pd(_mm256_extractf128_ps(a.v, 1))}; }
inline D operator+(D a, D b) { return {_mm256_add_pd(a.v, b.v)}; }
inline D fma(D a, D b, D c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
inline double sum(D a) {
  const __m128d x = _mm_add_pd(_mm256_castpd256_pd128(a.v), _mm256_extractf128_pd(a.v, 1));
  return _mm_cvtsd_f64(_mm_add_sd(x, _mm_unpackhi_pd(x, x)));
}

}  // namespace
}  // namespace omni::kernels::avx2
