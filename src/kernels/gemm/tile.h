// The f32 register tile: the one inner kernel of GEMM, convolution and their gradients.
//
// A tile computes mr rows x (nv * lanes) columns of C = epilogue(sum over taps t and steps k of A[r][t][k] * B[t][k][column]).
// - A is addressed by one pointer per row and tap, so rows may lie anywhere: rows of a matrix, pixels of a picture, a buffer of zeros.
// - The sum of one C element runs over t, then k, in that order, as fused multiply-adds: the result does not depend on how the
//   matrix was cut into tiles or on threads. It does depend on the instruction set.
// - B is read with full vectors (packed panels, see pack.h) except by the `masked` tiles, which read `columns` values of a plain matrix.
#pragma once

#include <cstdint>

#include "core/isa.h"

namespace omni::kernels {

// What happens to a sum before it is stored: y = clamp(alpha * sum + beta * addend + residual, lo, hi). NaN passes the clamp.
struct Epilogue {
  float alpha = 1.0f;
  float beta = 1.0f;
  const float* addend = nullptr;  // bias or C: element (row, column) at row * addend_row + column * addend_column
  int64_t addend_row = 0;
  int64_t addend_column = 1;        // 0 or 1
  const float* residual = nullptr;  // element (row, column) at row * residual_row + column
  int64_t residual_row = 0;
  bool clamp = false;
  float lo = 0.0f;
  float hi = 0.0f;
};

struct TileArgs {
  const float* const* rows;  // [taps][mr]
  int64_t taps;
  int64_t steps;   // per tap
  int64_t a_step;  // floats from one step to the next in a row of A
  const float* b;
  int64_t b_step;  // floats from one step to the next
  int64_t b_tap;   // floats from the first step of one tap to the first step of the next
  float* c;
  int64_t c_row;    // floats from one row of C to the next
  int64_t columns;  // valid columns; all vectors but the last are full
  bool accumulate;  // start from what C holds
  bool last;        // apply the epilogue, whose pointers stand at this tile's first row and column
  Epilogue epilogue;
};

using TileFn = void (*)(const TileArgs&) noexcept;

inline constexpr int kMaxTileRows = 8;
inline constexpr int kMaxTileVectors = 4;
inline constexpr int kMaxDotRows = 4;

// The tiles of one instruction set. tile[nv - 1][mr - 1] exists for nv <= widest and mr <= max_rows[nv - 1]; masked[mr - 1] (one vector)
// for mr <= max_rows[0].
struct TileSet {
  int lanes;
  int widest;     // vectors in the widest panel
  int preferred;  // vectors per panel of a wide matrix
  int max_rows[kMaxTileVectors];
  TileFn tile[kMaxTileVectors][kMaxTileRows];
  TileFn masked[kMaxTileRows];
  // out[row * out_row + n] = sum over k of a[row * a_row + k] * b[n * b_row + k], for n < columns and rows <= kMaxDotRows: K contiguous
  // on both sides. Lanes take every lanes-th k and are added pairwise; plain sums, the caller applies the epilogue.
  void (*dot)(const float* a, int64_t a_row, int64_t rows, const float* b, int64_t b_row, int64_t columns, int64_t k, float* out,
              int64_t out_row) noexcept;
};

// How the columns of C are cut into panels: `count` of them, the first `extra` one vector wider than the others. By shape alone.
struct PanelCut {
  int64_t vectors, count, base, extra;

  int64_t first_vector(int64_t panel) const { return panel >= count ? vectors : panel * base + (panel < extra ? panel : extra); }
  int64_t width(int64_t panel) const { return base + (panel < extra ? 1 : 0); }  // in vectors
};

PanelCut cut_panels(const TileSet& tiles, int64_t columns);

// The tiles for an instruction set, or those of the richest poorer one, for a matrix of `columns`: up to eight use half the width on AVX-512,
// where a full vector would take twice as long on some CPUs and hold zeros.
const TileSet& tile_set(core::Isa isa, int64_t columns);

}  // namespace omni::kernels
