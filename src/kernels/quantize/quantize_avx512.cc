// Sixteen floats at a time, masked at the end.
#include <immintrin.h>

#include "kernels/quantize/quantize.h"

namespace omni::kernels::avx512 {
namespace {

inline __mmask16 first_lanes(int64_t n) { return n >= 16 ? 0xffff : static_cast<__mmask16>((1u << n) - 1); }

struct Step {
  __m512 scale, low, high;
  __m512i zero;
  explicit Step(float s, const ByteRange& r)
      : scale(_mm512_set1_ps(s)),
        low(_mm512_set1_ps(static_cast<float>(r.low - r.zero))),
        high(_mm512_set1_ps(static_cast<float>(r.high - r.zero))),
        zero(_mm512_set1_epi32(r.zero)) {}

  __m512i operator()(__m512 x) const { return round(_mm512_div_ps(x, scale)); }
  __m512i product(__m512i acc) const { return round(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), scale)); }

  __m512i round(__m512 x) const {
    const __m512 t = _mm512_min_ps(_mm512_max_ps(x, low), high);  // maxps(NaN, low) is low
    return _mm512_add_epi32(_mm512_cvtps_epi32(t), zero);
  }
};

void quantize(const float* x, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept {
  const Step step(scale, range);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), _mm512_cvtepi32_epi8(step(_mm512_loadu_ps(x + i))));
  if (i < n) {
    const __mmask16 mask = first_lanes(n - i);
    _mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(step(_mm512_maskz_loadu_ps(mask, x + i))));
  }
}

void quantize_planes(const float* x, int64_t plane, int64_t channels, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept {
  const Step step(scale, range);
  const __m512i byte = _mm512_set1_epi32(255);
  // Sixteen pixels of four bytes; with fewer channels the surplus bytes of each 128-bit lane are squeezed out, then the lanes joined.
  const __m128i three = _mm_set_epi8(-1, -1, -1, -1, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0);
  const __m128i two = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, 13, 12, 9, 8, 5, 4, 1, 0);
  const __m512i squeeze = _mm512_broadcast_i32x4(channels == 3 ? three : two);
  const __m512i join = channels == 3 ? _mm512_set_epi32(15, 11, 7, 3, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0)
                                     : _mm512_set_epi32(15, 14, 11, 10, 7, 6, 3, 2, 13, 12, 9, 8, 5, 4, 1, 0);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first_lanes(n - i);
    __m512i t = _mm512_setzero_si512();
    for (int64_t c = channels - 1; c >= 0; --c) {
      t = _mm512_or_si512(_mm512_slli_epi32(t, 8), _mm512_and_si512(step(_mm512_maskz_loadu_ps(mask, x + c * plane + i)), byte));
    }
    if (channels == 1) {
      _mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(t));
      continue;
    }
    if (channels < 4) t = _mm512_permutexvar_epi32(join, _mm512_shuffle_epi8(t, squeeze));
    const int64_t bytes = (n - i < 16 ? n - i : 16) * channels;
    _mm512_mask_storeu_epi8(y + i * channels, bytes == 64 ? ~0ull : (1ull << bytes) - 1, t);
  }
}

void dequantize(const uint8_t* x, int64_t n, bool is_signed, int32_t zero, float scale, float* y) noexcept {
  const __m512i z = _mm512_set1_epi32(zero);
  const __m512 s = _mm512_set1_ps(scale);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first_lanes(n - i);
    const __m128i b = _mm_maskz_loadu_epi8(mask, x + i);
    const __m512i v = is_signed ? _mm512_cvtepi8_epi32(b) : _mm512_cvtepu8_epi32(b);
    _mm512_mask_storeu_ps(y + i, mask, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(v, z)), s));
  }
}

void requantize_all(const int32_t* acc, int64_t n, float multiplier, const ByteRange& range, uint8_t* y) noexcept {
  const Step step(multiplier, range);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first_lanes(n - i);
    _mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(step.product(_mm512_maskz_loadu_epi32(mask, acc + i))));
  }
}

void range(const float* x, int64_t n, float* low, float* high) noexcept {
  __m512 l = _mm512_set1_ps(*low), h = _mm512_set1_ps(*high);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first_lanes(n - i);
    const __m512 v = _mm512_maskz_loadu_ps(mask, x + i);
    l = _mm512_mask_min_ps(l, mask, v, l);  // a NaN in v gives the second operand
    h = _mm512_mask_max_ps(h, mask, v, h);
  }
  alignas(64) float ls[16], hs[16];
  _mm512_store_ps(ls, l);
  _mm512_store_ps(hs, h);
  for (int j = 0; j < 16; ++j) {
    if (ls[j] < *low) *low = ls[j];
    if (hs[j] > *high) *high = hs[j];
  }
}

}  // namespace

extern const QuantizeKernels quantize_kernels;
constinit const QuantizeKernels quantize_kernels = {core::Isa::kAvx512, quantize, quantize_planes, dequantize, requantize_all, range};

}  // namespace omni::kernels::avx512
