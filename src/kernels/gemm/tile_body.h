// The tile of tile.h, written once over a vector type V of the including file:
//   Reg, kLanes, zero, set(float), load, store, fma(a, b, c) = a*b+c, add, mul, max(floor, x) and min(ceiling, x) returning x for a NaN x,
//   Mask, mask(valid lanes), load(p, mask) with zeros elsewhere, store(p, mask, x), sum(x).
// Everything is in an anonymous namespace: each including file is compiled for another instruction set.
#pragma once

#include "kernels/gemm/tile.h"

namespace omni::kernels {
namespace {

// The loops below must be unrolled before register allocation, or the accumulators live on the stack.
template <class V, int kRows, int kVectors>
__attribute__((always_inline)) inline void finish_tile(const TileArgs& t, typename V::Reg (&acc)[kRows][kVectors]) {
  const Epilogue& e = t.epilogue;
  const auto tail = V::mask(t.columns - (kVectors - 1) * V::kLanes);
  const auto load = [&](const float* p, int v) __attribute__((always_inline)) {
    return v == kVectors - 1 ? V::load(p + v * V::kLanes, tail) : V::load(p + v * V::kLanes);
  };
  if (t.accumulate) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) acc[r][v] = V::add(acc[r][v], load(t.c + r * t.c_row, v));
    }
  }
  if (t.last) {
    if (e.alpha != 1.0f) {
      const auto alpha = V::set(e.alpha);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) acc[r][v] = V::mul(acc[r][v], alpha);
      }
    }
    if (e.addend != nullptr) {
      const auto beta = V::set(e.beta);
      if (e.addend_column != 0) {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) acc[r][v] = V::fma(beta, load(e.addend + r * e.addend_row, v), acc[r][v]);
        }
      } else {
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
          const auto value = V::set(e.addend[r * e.addend_row]);
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) acc[r][v] = V::fma(beta, value, acc[r][v]);
        }
      }
    }
    if (e.residual != nullptr) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) acc[r][v] = V::add(acc[r][v], load(e.residual + r * e.residual_row, v));
      }
    }
    if (e.clamp) {
      const auto lo = V::set(e.lo), hi = V::set(e.hi);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) acc[r][v] = V::min(hi, V::max(lo, acc[r][v]));
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors - 1; ++v) V::store(t.c + r * t.c_row + v * V::kLanes, acc[r][v]);
  }
  if (t.columns == kVectors * V::kLanes) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) V::store(t.c + r * t.c_row + (kVectors - 1) * V::kLanes, acc[r][kVectors - 1]);
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) V::store(t.c + r * t.c_row + (kVectors - 1) * V::kLanes, tail, acc[r][kVectors - 1]);
  }
}

template <class V, int kRows, int kVectors, bool kMasked>
void run_tile(const TileArgs& t) noexcept {
  typename V::Reg acc[kRows][kVectors];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) acc[r][v] = V::zero();
  }
  const auto valid = V::mask(t.columns);
  for (int64_t tap = 0; tap < t.taps; ++tap) {
    const float* a[kRows];
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) a[r] = t.rows[tap * kRows + r];
    const float* b = t.b + tap * t.b_tap;
    int64_t offset = 0;
#pragma GCC unroll 1
    for (int64_t k = t.steps; k > 0; --k) {
      typename V::Reg bv[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) bv[v] = kMasked ? V::load(b, valid) : V::load(b + v * V::kLanes);
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const auto x = V::set(a[r][offset]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) acc[r][v] = V::fma(x, bv[v], acc[r][v]);
      }
      offset += t.a_step;
      b += t.b_step;
    }
  }
  finish_tile<V, kRows, kVectors>(t, acc);
}

template <class V, int kRows>
void dot_rows(const float* a, int64_t a_row, const float* b, int64_t b_row, int64_t columns, int64_t k, float* out, int64_t out_row) {
  constexpr int kColumns = 4;  // columns at a time: four independent sums hide the latency of the multiply-add
  const int64_t whole = k / V::kLanes * V::kLanes;
  const auto tail = V::mask(k - whole);
  for (int64_t n = 0; n < columns; n += kColumns) {
    typename V::Reg acc[kRows][kColumns];
    const float* bn[kColumns];
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; ++c) {
      bn[c] = b + (n + c < columns ? n + c : columns - 1) * b_row;
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) acc[r][c] = V::zero();
    }
    for (int64_t i = 0; i < whole; i += V::kLanes) {
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c) {
        const auto y = V::load(bn[c] + i);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) acc[r][c] = V::fma(V::load(a + r * a_row + i), y, acc[r][c]);
      }
    }
    if (whole < k) {
#pragma GCC unroll 4
      for (int c = 0; c < kColumns; ++c) {
        const auto y = V::load(bn[c] + whole, tail);
#pragma GCC unroll 4
        for (int r = 0; r < kRows; ++r) acc[r][c] = V::fma(V::load(a + r * a_row + whole, tail), y, acc[r][c]);
      }
    }
#pragma GCC unroll 4
    for (int c = 0; c < kColumns; ++c) {
      if (n + c >= columns) break;
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) out[r * out_row + n + c] = V::sum(acc[r][c]);
    }
  }
}

template <class V>
void dot_panel(const float* a, int64_t a_row, int64_t rows, const float* b, int64_t b_row, int64_t columns, int64_t k, float* out,
               int64_t out_row) noexcept {
  switch (rows) {
    case 1: return dot_rows<V, 1>(a, a_row, b, b_row, columns, k, out, out_row);
    case 2: return dot_rows<V, 2>(a, a_row, b, b_row, columns, k, out, out_row);
    case 3: return dot_rows<V, 3>(a, a_row, b, b_row, columns, k, out, out_row);
    case 4: return dot_rows<V, 4>(a, a_row, b, b_row, columns, k, out, out_row);
    default: return;
  }
}

template <class V, int kVectors, int kRows>
constexpr void fill_rows(TileFn (&tiles)[kMaxTileRows]) {
  tiles[kRows - 1] = &run_tile<V, kRows, kVectors, false>;
  if constexpr (kRows > 1) fill_rows<V, kVectors, kRows - 1>(tiles);
}

template <class V, int kRows>
constexpr void fill_masked(TileFn (&tiles)[kMaxTileRows]) {
  tiles[kRows - 1] = &run_tile<V, kRows, 1, true>;
  if constexpr (kRows > 1) fill_masked<V, kRows - 1>(tiles);
}

// kRows1..kRows4: the most rows of a tile of 1..4 vectors; 0 where that width does not fit the registers.
template <class V, int kRows1, int kRows2, int kRows3, int kRows4>
constexpr TileSet make_tile_set(int preferred) {
  TileSet s{};
  s.lanes = V::kLanes;
  s.widest = kRows4 > 0 ? 4 : kRows3 > 0 ? 3 : 2;
  s.preferred = preferred;
  const int rows[kMaxTileVectors] = {kRows1, kRows2, kRows3, kRows4};
  for (int i = 0; i < kMaxTileVectors; ++i) s.max_rows[i] = rows[i];
  fill_rows<V, 1, kRows1>(s.tile[0]);
  fill_rows<V, 2, kRows2>(s.tile[1]);
  if constexpr (kRows3 > 0) fill_rows<V, 3, kRows3>(s.tile[2]);
  if constexpr (kRows4 > 0) fill_rows<V, 4, kRows4>(s.tile[3]);
  fill_masked<V, kRows1>(s.masked);
  s.dot = &dot_panel<V>;
  return s;
}

}  // namespace
}  // namespace omni::kernels
