// 16 sums or products a time, masked at the end; a table of 256 bytes is four registers, and two vpermi2b look up 64 bytes.
#include <immintrin.h>

#include "kernels/elementwise_int8/elementwise_int8.h"

namespace omni::kernels::avx512vnni {
namespace {

// a * b that no later addition is fused with: the definition rounds it on its own.
inline __m512 product(__m512 a, __m512 b) {
  __m512 p = _mm512_mul_ps(a, b);
  asm("" : "+v"(p));
  return p;
}

inline __m512i centred(__m128i bytes, bool is_signed, __m512i zero) {
  return _mm512_sub_epi32(is_signed ? _mm512_cvtepi8_epi32(bytes) : _mm512_cvtepu8_epi32(bytes), zero);
}

void binary(const BinaryInt8& op, const uint8_t* a, int64_t a_step, const uint8_t* b, int64_t b_step, int64_t n, uint8_t* y) noexcept {
  const __m512i za = _mm512_set1_epi32(op.za), zb = _mm512_set1_epi32(op.zb), zero = _mm512_set1_epi32(op.y.zero);
  const __m512 ma = _mm512_set1_ps(op.ma), mb = _mm512_set1_ps(op.mb);
  const __m512 low = _mm512_set1_ps(static_cast<float>(op.y.low - op.y.zero)), high = _mm512_set1_ps(static_cast<float>(op.y.high - op.y.zero));
  const __m512i fixed_a = centred(_mm_set1_epi8(static_cast<char>(*a)), op.a_signed, za),
                fixed_b = centred(_mm_set1_epi8(static_cast<char>(*b)), op.b_signed, zb);
  for (int64_t i = 0; i < n; i += 16) {
    const __mmask16 mask = n - i >= 16 ? 0xffff : static_cast<__mmask16>((1u << (n - i)) - 1);
    const __m512i x = a_step != 0 ? centred(_mm_maskz_loadu_epi8(mask, a + i), op.a_signed, za) : fixed_a;
    const __m512i z = b_step != 0 ? centred(_mm_maskz_loadu_epi8(mask, b + i), op.b_signed, zb) : fixed_b;
    __m512 t;
    if (op.multiply)
      t = _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_mullo_epi32(x, z)), ma);
    else
      t = _mm512_add_ps(product(_mm512_cvtepi32_ps(x), ma), product(_mm512_cvtepi32_ps(z), mb));
    const __m512i q = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(t, low), high)), zero);
    _mm_mask_storeu_epi8(y + i, mask, _mm512_cvtepi32_epi8(q));
  }
}

void lookup(const uint8_t* table, const uint8_t* x, int64_t n, uint8_t* y) noexcept {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64), t2 = _mm512_loadu_si512(table + 128),
                t3 = _mm512_loadu_si512(table + 192);
  for (int64_t i = 0; i < n; i += 64) {
    const __mmask64 mask = n - i >= 64 ? ~0ull : (1ull << (n - i)) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(mask, x + i);
    const __m512i lower = _mm512_permutex2var_epi8(t0, v, t1), upper = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_mask_storeu_epi8(y + i, mask, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), lower, upper));
  }
}

}  // namespace

extern const ElementwiseInt8Kernels elementwise_int8_kernels;
constinit const ElementwiseInt8Kernels elementwise_int8_kernels = {core::Isa::kAvx512Vnni, binary, lookup};

}  // namespace omni::kernels::avx512vnni
