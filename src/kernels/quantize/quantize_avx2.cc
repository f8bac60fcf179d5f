// Eight floats at a time. The clamp comes before the conversion, so the narrowing moves only take the low bytes.
#include <immintrin.h>

#include "kernels/quantize/quantize.h"

namespace omni::kernels::avx2 {
namespace {

struct Step {
  __m256 scale, low, high;
  __m256i zero;
  explicit Step(float s, const ByteRange& r)
      : scale(_mm256_set1_ps(s)),
        low(_mm256_set1_ps(static_cast<float>(r.low - r.zero))),
        high(_mm256_set1_ps(static_cast<float>(r.high - r.zero))),
        zero(_mm256_set1_epi32(r.zero)) {}

  __m256i operator()(__m256 x) const { return round(_mm256_div_ps(x, scale)); }
  __m256i product(__m256i acc) const { return round(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), scale)); }

  __m256i round(__m256 x) const {
    const __m256 t = _mm256_min_ps(_mm256_max_ps(x, low), high);  // maxps(NaN, low) is low
    return _mm256_and_si256(_mm256_add_epi32(_mm256_cvtps_epi32(t), zero), _mm256_set1_epi32(255));
  }
};

// 32 dwords of 0 to 255 as bytes.
inline __m256i narrow(__m256i a, __m256i b, __m256i c, __m256i d) {
  const __m256i t = _mm256_packus_epi16(_mm256_packus_epi32(a, b), _mm256_packus_epi32(c, d));
  return _mm256_permutevar8x32_epi32(t, _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0));
}

void quantize(const float* x, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept {
  const Step step(scale, range);
  int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    const __m256i t =
        narrow(step(_mm256_loadu_ps(x + i)), step(_mm256_loadu_ps(x + i + 8)), step(_mm256_loadu_ps(x + i + 16)), step(_mm256_loadu_ps(x + i + 24)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + i), t);
  }
  if (i == n) return;
  alignas(32) float in[32] = {};
  alignas(32) uint8_t out[32];
  for (int64_t j = i; j < n; ++j) in[j - i] = x[j];
  _mm256_store_si256(reinterpret_cast<__m256i*>(out),
                     narrow(step(_mm256_load_ps(in)), step(_mm256_load_ps(in + 8)), step(_mm256_load_ps(in + 16)), step(_mm256_load_ps(in + 24))));
  for (int64_t j = i; j < n; ++j) y[j] = out[j - i];
}

void quantize_planes(const float* x, int64_t plane, int64_t channels, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept {
  const Step step(scale, range);
  // Eight pixels of four bytes; with three channels the fourth byte is squeezed out, 12 bytes a half.
  const __m256i squeeze = _mm256_broadcastsi128_si256(_mm_set_epi8(-1, -1, -1, -1, 14, 13, 12, 10, 9, 8, 6, 5, 4, 2, 1, 0));
  int64_t i = 0;
  if (channels == 3) {
    for (; i + 10 <= n; i += 8) {  // the second store writes 4 bytes more than its own
      __m256i t = step(_mm256_loadu_ps(x + i));
      t = _mm256_or_si256(t, _mm256_slli_epi32(step(_mm256_loadu_ps(x + plane + i)), 8));
      t = _mm256_or_si256(t, _mm256_slli_epi32(step(_mm256_loadu_ps(x + 2 * plane + i)), 16));
      t = _mm256_shuffle_epi8(t, squeeze);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 3 * i), _mm256_castsi256_si128(t));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + 3 * i + 12), _mm256_extracti128_si256(t, 1));
    }
  }
  for (; i < n; i += 8) {
    const int64_t left = n - i < 8 ? n - i : 8;
    for (int64_t c = 0; c < channels; ++c) {
      alignas(32) float in[8] = {};
      alignas(32) int32_t out[8];
      for (int64_t j = 0; j < left; ++j) in[j] = x[c * plane + i + j];
      _mm256_store_si256(reinterpret_cast<__m256i*>(out), step(_mm256_load_ps(in)));
      for (int64_t j = 0; j < left; ++j) y[(i + j) * channels + c] = static_cast<uint8_t>(out[j]);
    }
  }
}

void dequantize(const uint8_t* x, int64_t n, bool is_signed, int32_t zero, float scale, float* y) noexcept {
  const __m256i z = _mm256_set1_epi32(zero);
  const __m256 s = _mm256_set1_ps(scale);
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i b = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + i));
    const __m256i v = is_signed ? _mm256_cvtepi8_epi32(b) : _mm256_cvtepu8_epi32(b);
    _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_sub_epi32(v, z)), s));
  }
  for (; i < n; ++i) y[i] = static_cast<float>((is_signed ? static_cast<int8_t>(x[i]) : static_cast<int32_t>(x[i])) - zero) * scale;
}

void requantize_all(const int32_t* acc, int64_t n, float multiplier, const ByteRange& range, uint8_t* y) noexcept {
  const Step step(multiplier, range);
  const auto load = [](const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); };
  for (int64_t i = 0; i < n; i += 32) {
    alignas(32) int32_t in[32] = {};
    alignas(32) uint8_t out[32];
    const bool full = n - i >= 32;
    if (!full) {
      for (int64_t j = i; j < n; ++j) in[j - i] = acc[j];
    }
    const int32_t* p = full ? acc + i : in;
    const __m256i t = narrow(step.product(load(p)), step.product(load(p + 8)), step.product(load(p + 16)), step.product(load(p + 24)));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(full ? y + i : out), t);
    if (!full) {
      for (int64_t j = i; j < n; ++j) y[j] = out[j - i];
    }
  }
}

void range(const float* x, int64_t n, float* low, float* high) noexcept {
  __m256 l[2] = {_mm256_set1_ps(*low), _mm256_set1_ps(*low)}, h[2] = {_mm256_set1_ps(*high), _mm256_set1_ps(*high)};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int j = 0; j < 2; ++j) {
      const __m256 v = _mm256_loadu_ps(x + i + 8 * j);
      l[j] = _mm256_min_ps(v, l[j]);  // a NaN in v gives the second operand
      h[j] = _mm256_max_ps(v, h[j]);
    }
  }
  alignas(32) float ls[8], hs[8];
  _mm256_store_ps(ls, _mm256_min_ps(l[0], l[1]));
  _mm256_store_ps(hs, _mm256_max_ps(h[0], h[1]));
  for (int j = 0; j < 8; ++j) {
    if (ls[j] < *low) *low = ls[j];
    if (hs[j] > *high) *high = hs[j];
  }
  for (; i < n; ++i) {
    if (x[i] < *low) *low = x[i];
    if (x[i] > *high) *high = x[i];
  }
}

}  // namespace

extern const QuantizeKernels quantize_kernels;
constinit const QuantizeKernels quantize_kernels = {core::Isa::kAvx2, quantize, quantize_planes, dequantize, requantize_all, range};

}  // namespace omni::kernels::avx2
