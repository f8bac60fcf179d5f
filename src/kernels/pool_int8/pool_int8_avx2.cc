// 32 channels at a time. Sums of up to 256 pixels are kept in 16 bits (even and odd bytes apart), then widened.
#include <immintrin.h>

#include "kernels/pool_int8/pool_int8.h"

namespace omni::kernels::avx2 {
namespace {

// The first n (at most 32) bytes; whatever stands behind them is not read.
inline __m256i load(const uint8_t* p, int64_t n) {
  if (n >= 32) return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  alignas(32) uint8_t t[32] = {};
  for (int64_t i = 0; i < n; ++i) t[i] = p[i];
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(t));
}

inline void store(uint8_t* p, __m256i v, int64_t n) {
  if (n >= 32) return _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  alignas(32) uint8_t t[32];
  _mm256_store_si256(reinterpret_cast<__m256i*>(t), v);
  for (int64_t i = 0; i < n; ++i) p[i] = t[i];
}

// 16 channels; with 16 to 31 of them the last go twice, half overlapping.
void max16(const PoolInt8Window& w, int64_t c, __m128i flip, uint8_t* y) {
  __m128i best = _mm_setzero_si128();
  for (int64_t i = 0; i < w.rows; ++i) {
    const uint8_t* p = w.x + i * w.row + c;
    for (int64_t j = 0; j < w.columns; ++j, p += w.pixel)
      best = _mm_max_epu8(best, _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)), flip));
  }
  _mm_storeu_si128(reinterpret_cast<__m128i*>(y + c), _mm_xor_si128(best, flip));
}

void max(const PoolInt8Window& w, int64_t channels, bool is_signed, uint8_t* y) noexcept {
  const __m256i flip = _mm256_set1_epi8(static_cast<char>(is_signed ? 0x80 : 0));
  for (int64_t c = 0; c < channels; c += 32) {
    const int64_t n = channels - c;
    if (n < 32 && n >= 16) {
      max16(w, c, _mm256_castsi256_si128(flip), y);
      max16(w, channels - 16, _mm256_castsi256_si128(flip), y);
      return;
    }
    __m256i best = _mm256_setzero_si256();
    for (int64_t i = 0; i < w.rows; ++i) {
      const uint8_t* p = w.x + i * w.row + c;
      for (int64_t j = 0; j < w.columns; ++j, p += w.pixel) best = _mm256_max_epu8(best, _mm256_xor_si256(load(p, n), flip));
    }
    store(y + c, _mm256_xor_si256(best, flip), n);
  }
}

// 32 sums: of channels 2 * (e % 8) + e / 8 of each 16 channels, as splitting even and odd leaves them.
struct Sums {
  __m256i v[4];  // even low lane, even high lane, odd low, odd high: 8 channels each, all within one half of the 32
};

inline void widen(Sums& s, __m256i& even, __m256i& odd) {
  s.v[0] = _mm256_add_epi32(s.v[0], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(even)));
  s.v[1] = _mm256_add_epi32(s.v[1], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(even, 1)));
  s.v[2] = _mm256_add_epi32(s.v[2], _mm256_cvtepu16_epi32(_mm256_castsi256_si128(odd)));
  s.v[3] = _mm256_add_epi32(s.v[3], _mm256_cvtepu16_epi32(_mm256_extracti128_si256(odd, 1)));
  even = odd = _mm256_setzero_si256();
}

Sums sum(const PoolInt8Window& w, int64_t c, int64_t n, __m256i flip) {
  const __m256i low_byte = _mm256_set1_epi16(255), none = _mm256_setzero_si256();
  Sums s{{none, none, none, none}};
  __m256i even = none, odd = none;
  int held = 0;
  for (int64_t i = 0; i < w.rows; ++i) {
    const uint8_t* p = w.x + i * w.row + c;
    for (int64_t j = 0; j < w.columns; ++j, p += w.pixel) {
      const __m256i v = _mm256_xor_si256(load(p, n), flip);
      even = _mm256_add_epi16(even, _mm256_and_si256(v, low_byte));
      odd = _mm256_add_epi16(odd, _mm256_srli_epi16(v, 8));
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
  const __m256 m = _mm256_set1_ps(multiplier);
  const __m256 low = _mm256_set1_ps(static_cast<float>(range.low - range.zero)), high = _mm256_set1_ps(static_cast<float>(range.high - range.zero));
  const __m256i f = _mm256_set1_epi8(static_cast<char>(flip)), corrected = _mm256_set1_epi32(correction), zero = _mm256_set1_epi32(range.zero);
  for (int64_t c = 0; c < channels; c += 32) {
    const int64_t n = channels - c;
    Sums s = sum(w, c, n, f);
    for (__m256i& v : s.v) {
      const __m256 t = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(v, corrected)), m);
      v = _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(t, low), high)), zero);
    }
    // To 16-bit even and odd results again, then side by side.
    const __m256i even = _mm256_permute4x64_epi64(_mm256_packus_epi32(s.v[0], s.v[1]), 0xD8);
    const __m256i odd = _mm256_permute4x64_epi64(_mm256_packus_epi32(s.v[2], s.v[3]), 0xD8);
    const __m256i bytes = _mm256_or_si256(even, _mm256_slli_epi16(odd, 8));
    store(y + c, _mm256_xor_si256(bytes, _mm256_set1_epi8(static_cast<char>(y_flip))), n);
  }
}

}  // namespace

extern const PoolInt8Kernels pool_int8_kernels;
constinit const PoolInt8Kernels pool_int8_kernels = {core::Isa::kAvx2, max, average};

}  // namespace omni::kernels::avx2
