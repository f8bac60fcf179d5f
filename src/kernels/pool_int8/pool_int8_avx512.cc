// 64 channels at a time, masked at the end. Sums of up to 256 pixels are kept in 16 bits (even and odd bytes apart), then widened.
#include <immintrin.h>

#include "kernels/pool_int8/pool_int8.h"

namespace omni::kernels::avx512 {
namespace {

inline __mmask64 first_bytes(int64_t n) { return n >= 64 ? ~0ull : (1ull << n) - 1; }

void max(const PoolInt8Window& w, int64_t channels, bool is_signed, uint8_t* y) noexcept {
  const __m512i flip = _mm512_set1_epi8(static_cast<char>(is_signed ? 0x80 : 0));
  for (int64_t c = 0; c < channels; c += 64) {
    const __mmask64 mask = first_bytes(channels - c);
    __m512i best = _mm512_setzero_si512();
    for (int64_t i = 0; i < w.rows; ++i) {
      const uint8_t* p = w.x + i * w.row + c;
      for (int64_t j = 0; j < w.columns; ++j, p += w.pixel) best = _mm512_max_epu8(best, _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, p), flip));
    }
    _mm512_mask_storeu_epi8(y + c, mask, _mm512_xor_si512(best, flip));
  }
}

// 64 sums: the even bytes' lower and upper half, then the odd ones'.
struct Sums {
  __m512i v[4];
};

inline void widen(Sums& s, __m512i& even, __m512i& odd) {
  s.v[0] = _mm512_add_epi32(s.v[0], _mm512_cvtepu16_epi32(_mm512_castsi512_si256(even)));
  s.v[1] = _mm512_add_epi32(s.v[1], _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(even, 1)));
  s.v[2] = _mm512_add_epi32(s.v[2], _mm512_cvtepu16_epi32(_mm512_castsi512_si256(odd)));
  s.v[3] = _mm512_add_epi32(s.v[3], _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(odd, 1)));
  even = odd = _mm512_setzero_si512();
}

Sums sum(const PoolInt8Window& w, int64_t c, __mmask64 mask, __m512i flip) {
  const __m512i low_byte = _mm512_set1_epi16(255), none = _mm512_setzero_si512();
  Sums s{{none, none, none, none}};
  __m512i even = none, odd = none;
  int held = 0;
  for (int64_t i = 0; i < w.rows; ++i) {
    const uint8_t* p = w.x + i * w.row + c;
    for (int64_t j = 0; j < w.columns; ++j, p += w.pixel) {
      const __m512i v = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, p), flip);
      even = _mm512_add_epi16(even, _mm512_and_si512(v, low_byte));
      odd = _mm512_add_epi16(odd, _mm512_srli_epi16(v, 8));
      if (++held == 256) {
        widen(s, even, odd);
        held = 0;
      }
    }
  }
  widen(s, even, odd);
  return s;
}

void average(const PoolInt8Window& w, int64_t channels, uint8_t flip, int32_t correction, float multiplier, const ByteRange& range, uint8_t y_flip,
             uint8_t* y) noexcept {
  const __m512 m = _mm512_set1_ps(multiplier);
  const __m512 low = _mm512_set1_ps(static_cast<float>(range.low - range.zero)), high = _mm512_set1_ps(static_cast<float>(range.high - range.zero));
  const __m512i f = _mm512_set1_epi8(static_cast<char>(flip)), corrected = _mm512_set1_epi32(correction), zero = _mm512_set1_epi32(range.zero);
  for (int64_t c = 0; c < channels; c += 64) {
    const __mmask64 mask = first_bytes(channels - c);
    Sums s = sum(w, c, mask, f);
    for (__m512i& v : s.v) {
      const __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(v, corrected)), m);
      v = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(t, low), high)), zero);
    }
    const __m512i even = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(s.v[0])), _mm512_cvtepi32_epi16(s.v[1]), 1);
    const __m512i odd = _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtepi32_epi16(s.v[2])), _mm512_cvtepi32_epi16(s.v[3]), 1);
    const __m512i bytes = _mm512_or_si512(even, _mm512_slli_epi16(odd, 8));
    _mm512_mask_storeu_epi8(y + c, mask, _mm512_xor_si512(bytes, _mm512_set1_epi8(static_cast<char>(y_flip))));
  }
}

}  // namespace

extern const PoolInt8Kernels pool_int8_kernels;
constinit const PoolInt8Kernels pool_int8_kernels = {core::Isa::kAvx512, max, average};

}  // namespace omni::kernels::avx512
