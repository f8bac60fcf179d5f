// Weights as the tiles read them: panels of whole vectors, [panel][k][width], zeros in the columns that do not exist.
// Panel p starts at float k_total * lanes * first_vector(p).
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/thread_pool.h"
#include "kernels/gemm/tile.h"

namespace omni::kernels {

// B of a GEMM: element (k, n) at k * k_stride + n * n_stride, one of them 1.
struct MatrixView {
  const float* data;
  int64_t k_stride;
  int64_t n_stride;
};

// Floats of packed panels for k x n.
int64_t packed_panel_floats(const TileSet& tiles, int64_t k, int64_t n);

// Packs panels [first, last) of a k x n matrix into `packed`, which is where panel 0 starts.
void pack_panels(const TileSet& tiles, const MatrixView& b, int64_t k, int64_t n, int64_t first, int64_t last, float* packed) noexcept;

// to[c * to_row + r] = from[r * from_row + c] for r < rows, c < columns.
void transpose(const float* from, int64_t from_row, int64_t rows, int64_t columns, float* to, int64_t to_row) noexcept;

}  // namespace omni::kernels
