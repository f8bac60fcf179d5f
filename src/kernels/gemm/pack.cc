// Packing of B panels and the transposition it needs, in 4x4 blocks held in registers (SSE2 and NEON through vector extensions).
#include "kernels/gemm/pack.h"

#include <algorithm>
#include <cstring>

#include "kernels/move/copy.h"

namespace omni::kernels {

namespace {

typedef float Four __attribute__((vector_size(16)));

inline Four load4(const float* p) {
  Four x;
  std::memcpy(&x, p, sizeof x);
  return x;
}

inline void transpose4(const float* from, int64_t from_row, float* to, int64_t to_row) {
  const Four a = load4(from), b = load4(from + from_row), c = load4(from + 2 * from_row), d = load4(from + 3 * from_row);
  const Four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Four rows[4] = {__builtin_shufflevector(ab0, cd0, 0, 1, 4, 5), __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7),
                        __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5), __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7)};
  for (int i = 0; i < 4; ++i) std::memcpy(to + i * to_row, &rows[i], sizeof rows[i]);
}

// One panel of `valid` columns, stored `width` wide.
void pack_rows(const float* from, int64_t k_stride, int64_t k, int64_t valid, int64_t width, float* to) {
  for (int64_t i = 0; i < k; ++i) {
    std::memcpy(to, from, static_cast<size_t>(valid) * sizeof(float));
    for (int64_t c = valid; c < width; ++c) to[c] = 0.0f;
    from += k_stride;
    to += width;
  }
}

void pack_columns(const TileSet& tiles, const float* from, int64_t n_stride, int64_t k, int64_t valid, int64_t width, float* to) {
#if defined(__x86_64__)
  if (tiles.lanes >= 8) {  // the tiles need AVX2 at least
    avx2::transpose_32(from, n_stride, to, width, k, valid);
  } else {
    transpose(from, n_stride, valid, k, to, width);
  }
#else
  transpose(from, n_stride, valid, k, to, width);
#endif
  for (int64_t i = 0; i < k && valid < width; ++i) std::fill(to + i * width + valid, to + (i + 1) * width, 0.0f);
}

}  // namespace

void transpose(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) noexcept {
  const int64_t rows4 = rows / 4 * 4, columns4 = columns / 4 * 4;
  // 64 columns at a time: the destination rows touched stay in the first-level cache while all rows pass.
  for (int64_t c0 = 0; c0 < columns4; c0 += 64) {
    const int64_t c1 = std::min(columns4, c0 + 64);
    for (int64_t r = 0; r < rows4; r += 4) {
      for (int64_t c = c0; c < c1; c += 4) transpose4(from + r * from_row + c, from_row, to + c * to_row + r, to_row);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = r < rows4 ? columns4 : 0; c < columns; ++c) to[c * to_row + r] = from[r * from_row + c];
  }
}

int64_t packed_panel_floats(const TileSet& tiles, int64_t k, int64_t n) { return cut_panels(tiles, n).vectors * tiles.lanes * k; }

void pack_panels(const TileSet& tiles, const MatrixView& b, int64_t k, int64_t n, int64_t first, int64_t last, float* packed) noexcept {
  const PanelCut cut = cut_panels(tiles, n);
  for (int64_t p = first; p < last; ++p) {
    const int64_t column = cut.first_vector(p) * tiles.lanes, width = cut.width(p) * tiles.lanes;
    const int64_t valid = std::min(width, n - column);
    float* const to = packed + k * column;
    if (b.n_stride == 1) {
      pack_rows(b.data + column, b.k_stride, k, valid, width, to);
    } else {
      pack_columns(tiles, b.data + column * b.n_stride, b.n_stride, k, valid, width, to);
    }
  }
}

}  // namespace omni::kernels
