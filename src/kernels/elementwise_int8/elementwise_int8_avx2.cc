// 16 elements a time. A table of 256 bytes does not fit byte shuffles well here: it is looked up byte by byte.
#include <immintrin.h>

#include "kernels/elementwise_int8/elementwise_int8.h"

namespace omni::kernels::avx2 {
namespace {

// a * b that no later addition is fused with: the definition rounds it on its own.
inline __m256 product(__m256 a, __m256 b) {
  __m256 p = _mm256_mul_ps(a, b);
  asm("" : "+x"(p));
  return p;
}

inline __m256i centred(__m128i bytes, bool is_signed, __m256i zero) {
  return _mm256_sub_epi32(is_signed ? _mm256_cvtepi8_epi32(bytes) : _mm256_cvtepu8_epi32(bytes), zero);
}

struct Step {
  __m256i za, zb, zero;
  __m256 ma, mb, low, high;
  bool a_signed, b_signed, multiply;
  explicit Step(const BinaryInt8& op)
      : za(_mm256_set1_epi32(op.za)),
        zb(_mm256_set1_epi32(op.zb)),
        zero(_mm256_set1_epi32(op.y.zero)),
        ma(_mm256_set1_ps(op.ma)),
        mb(_mm256_set1_ps(op.mb)),
        low(_mm256_set1_ps(static_cast<float>(op.y.low - op.y.zero))),
        high(_mm256_set1_ps(static_cast<float>(op.y.high - op.y.zero))),
        a_signed(op.a_signed),
        b_signed(op.b_signed),
        multiply(op.multiply) {}

  // Eight results as dwords whose low bytes count.
  __m256i operator()(__m128i a, __m128i b) const {
    const __m256i x = centred(a, a_signed, za), y = centred(b, b_signed, zb);
    __m256 t;
    if (multiply)
      t = _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_mullo_epi32(x, y)), ma);
    else
      t = _mm256_add_ps(product(_mm256_cvtepi32_ps(x), ma), product(_mm256_cvtepi32_ps(y), mb));
    const __m256i q = _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(t, low), high)), zero);
    return _mm256_and_si256(q, _mm256_set1_epi32(255));
  }
};

// 16 dwords of 0 to 255 as bytes. After the packs the dwords are a0 b0 a0 b0 | a1 b1 a1 b1.
inline __m128i narrow(__m256i a, __m256i b) {
  const __m256i w = _mm256_packus_epi32(a, b);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(_mm256_packus_epi16(w, w), _mm256_set_epi32(7, 6, 3, 2, 5, 1, 4, 0)));
}

void binary(const BinaryInt8& op, const uint8_t* a, int64_t a_step, const uint8_t* b, int64_t b_step, int64_t n, uint8_t* y) noexcept {
  const Step step(op);
  const __m128i fixed_a = _mm_set1_epi8(static_cast<char>(*a)), fixed_b = _mm_set1_epi8(static_cast<char>(*b));
  const auto load = [](const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
  for (int64_t i = 0; i < n; i += 16) {
    __m128i x = fixed_a, z = fixed_b;
    alignas(16) uint8_t t[16];
    const int64_t left = n - i;
    if (left >= 16) {
      if (a_step != 0) x = load(a + i);
      if (b_step != 0) z = load(b + i);
    } else {
      if (a_step != 0) {
        for (int64_t j = 0; j < 16; ++j) t[j] = a[i + (j < left ? j : 0)];
        x = load(t);
      }
      if (b_step != 0) {
        for (int64_t j = 0; j < 16; ++j) t[j] = b[i + (j < left ? j : 0)];
        z = load(t);
      }
    }
    const __m128i q = narrow(step(x, z), step(_mm_srli_si128(x, 8), _mm_srli_si128(z, 8)));
    if (left >= 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(y + i), q);
    } else {
      _mm_store_si128(reinterpret_cast<__m128i*>(t), q);
      for (int64_t j = 0; j < left; ++j) y[i + j] = t[j];
    }
  }
}

void lookup(const uint8_t* table, const uint8_t* x, int64_t n, uint8_t* y) noexcept {
  for (int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

extern const ElementwiseInt8Kernels elementwise_int8_kernels;
constinit const ElementwiseInt8Kernels elementwise_int8_kernels = {core::Isa::kAvx2, binary, lookup};

}  // namespace omni::kernels::avx2
