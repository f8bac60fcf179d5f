// F16C for f16; bf16 by shifts, rounding to nearest even in integer arithmetic.

#include "kernels/cast/half.h"
#include "kernels/vector/avx2.h"

namespace omni::kernels::avx2 {
namespace {

void widen_f16(const uint16_t* x, float* y, int64_t n) noexcept {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i))));
  for (; i < n; ++i) y[i] = _cvtsh_ss(x[i]);
}

void narrow_f16(const float* x, uint16_t* y, int64_t n) noexcept {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  for (; i < n; ++i) y[i] = _cvtss_sh(x[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

void widen_bf16(const uint16_t* x, float* y, int64_t n) noexcept {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), _mm256_slli_epi32(wide, 16));
  }
  for (; i < n; ++i) y[i] = __builtin_bit_cast(float, static_cast<uint32_t>(x[i]) << 16);
}

void narrow_bf16(const float* x, uint16_t* y, int64_t n) noexcept {
  for (int64_t i = 0; i < n; i += 8) {
    const int64_t part = n - i < 8 ? n - i : 8;
    const F v = part == 8 ? load(x + i) : load(x + i, part);
    const __m256i bits = as_int(v).v;
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff))), 16);
    const __m256i nan = _mm256_or_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(0x40));
    const __m256i words = _mm256_blendv_epi8(rounded, nan, _mm256_castps_si256(is_nan(v).v));
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(words, words), 0x08);
    if (part == 8) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), _mm256_castsi256_si128(packed));
    } else {
      alignas(16) uint16_t rest[8];
      _mm_store_si128(reinterpret_cast<__m128i*>(rest), _mm256_castsi256_si128(packed));
      for (int64_t j = 0; j < part; ++j) y[i + j] = rest[j];
    }
  }
}

}  // namespace

WidenFn widen(core::DType half) { return half == core::DType::kF16 ? widen_f16 : widen_bf16; }
NarrowFn narrow(core::DType half) { return half == core::DType::kF16 ? narrow_f16 : narrow_bf16; }

}  // namespace omni::kernels::avx2
