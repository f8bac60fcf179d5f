#include "kernels/move/copy.h"
#include "kernels/vector/avx2.h"

namespace omni::kernels::avx2 {
namespace {

inline void tile_8x8(const float* in, int64_t in_stride, float* out, int64_t out_stride) {
  __m256 r[8], t[8];
  for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(in + i * in_stride);
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
    r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
    r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
    r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_ps(out + i * out_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
    _mm256_storeu_ps(out + (i + 4) * out_stride, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
  }
}

}  // namespace

void transpose_32(const void* in, int64_t in_stride, void* out, int64_t out_stride, int64_t rows, int64_t columns) noexcept {
  const float* x = static_cast<const float*>(in);
  float* y = static_cast<float*>(out);
  int64_t r = 0;
  for (; r + 8 <= rows; r += 8) {
    int64_t c = 0;
    for (; c + 8 <= columns; c += 8) tile_8x8(x + c * in_stride + r, in_stride, y + r * out_stride + c, out_stride);
    for (; c < columns; ++c) {
      for (int64_t i = r; i < r + 8; ++i) y[i * out_stride + c] = x[c * in_stride + i];
    }
  }
  for (; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) y[r * out_stride + c] = x[c * in_stride + r];
  }
}

}  // namespace omni::kernels::avx2
