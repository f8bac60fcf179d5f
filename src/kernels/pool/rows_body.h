// The kernels of rows.h over a vector type V (see gemm/tile_body.h), in an anonymous namespace of each including file.
#pragma once

#include "kernels/pool/rows.h"
#include "kernels/pool/window_range.h"

namespace omni::kernels {
namespace {

// Calls f(first channel, load, store) for every vector of channels, the last one masked.
template <class V, class F>
__attribute__((always_inline)) inline void each_vector(int64_t c0, int64_t c1, F&& f) {
  int64_t c = c0;
  for (; c + V::kLanes <= c1; c += V::kLanes) {
    f(
        c, [](const float* p) __attribute__((always_inline)) { return V::load(p); },
        [](float* p, typename V::Reg x) __attribute__((always_inline)) { V::store(p, x); });
  }
  if (c < c1) {
    const auto m = V::mask(c1 - c);
    f(
        c, [m](const float* p) __attribute__((always_inline)) { return V::load(p, m); },
        [m](float* p, typename V::Reg x) __attribute__((always_inline)) { V::store(p, m, x); });
  }
}

// Input address of the first pixel of a window, the floats between its lines and columns, and its size.
struct Taps {
  int64_t first, line, column, rows, columns;
};

inline Taps taps_of(const PoolShape& s, const TapRange& rows, const TapRange& columns) {
  return {((rows.origin + rows.first * s.dilation_h) * s.in_w + columns.origin + columns.first * s.dilation_w) * s.channels,
          s.dilation_h * s.in_w * s.channels, s.dilation_w * s.channels, rows.last - rows.first, columns.last - columns.first};
}

template <class V>
void max_row(const PoolRow& p) noexcept {
  const PoolShape& s = *p.shape;
  const TapRange rows = rows_of(s, p.oy);
  for (int64_t ox = 0; ox < s.out_w; ++ox) {
    const Taps t = taps_of(s, rows, columns_of(s, ox));
    float* const y = p.y + ox * s.channels;
    each_vector<V>(
        p.c0, p.c1, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
          auto best = V::set(-__builtin_inff());
          const float* line = p.x + t.first + c;
          if (t.rows == 2 && t.columns == 2) {
            best = V::max(V::max(best, load(line)), load(line + t.column));
            best = V::max(V::max(best, load(line + t.line)), load(line + t.line + t.column));
            return store(y + c, best);
          }
          for (int64_t ky = 0; ky < t.rows; ++ky, line += t.line) {
            for (int64_t kx = 0; kx < t.columns; ++kx) best = V::max(best, load(line + kx * t.column));
          }
          store(y + c, best);
        });
  }
}

template <class V>
void average_row(const PoolRow& p) noexcept {
  const PoolShape& s = *p.shape;
  const TapRange rows = rows_of(s, p.oy);
  for (int64_t ox = 0; ox < s.out_w; ++ox) {
    const TapRange columns = columns_of(s, ox);
    const Taps t = taps_of(s, rows, columns);
    const int64_t count = rows.counted * columns.counted;
    const auto divisor = V::set(count == 0 ? 1.0f : static_cast<float>(count));
    float* const y = p.y + ox * s.channels;
    each_vector<V>(
        p.c0, p.c1, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
          auto sum = V::zero();
          const float* line = p.x + t.first + c;
          for (int64_t ky = 0; ky < t.rows; ++ky, line += t.line) {
            for (int64_t kx = 0; kx < t.columns; ++kx) sum = V::add(sum, load(line + kx * t.column));
          }
          store(y + c, V::div(sum, divisor));
        });
  }
}

template <class V>
void max_grad_row(const PoolGradRow& p) noexcept {
  const PoolShape& s = *p.shape;
  const TapRange rows = rows_of(s, p.oy);
  for (int64_t ox = 0; ox < s.out_w; ++ox) {
    const Taps t = taps_of(s, rows, columns_of(s, ox));
    const float* const dy = p.dy + ox * s.channels;
    if (t.rows <= 0 || t.columns <= 0) continue;
    each_vector<V>(
        p.c0, p.c1, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
          const float* line = p.x + t.first + c;
          const auto g = load(dy + c);
          float* out = p.dx + t.first + c;
          const auto give = [&](float* d, auto share) __attribute__((always_inline)) { store(d, p.disjoint ? share : V::add(load(d), share)); };
          if (t.rows == 2 && t.columns == 2) {
            const auto a = load(line), b = load(line + t.column), d = load(line + t.line), e = load(line + t.line + t.column);
            const auto right = V::greater(b, a), low_right = V::greater(e, d);
            const auto low = V::greater(V::select(low_right, e, d), V::select(right, b, a));
            const auto up_share = V::select(low, V::zero(), g), low_share = V::select(low, g, V::zero());
            give(out, V::select(right, V::zero(), up_share));
            give(out + t.column, V::select(right, up_share, V::zero()));
            give(out + t.line, V::select(low_right, V::zero(), low_share));
            return give(out + t.line + t.column, V::select(low_right, low_share, V::zero()));
          }
          auto best = load(line), at = V::zero();  // the number of the tap that holds the maximum, exact as a float
          float tap = 0;
          for (int64_t ky = 0; ky < t.rows; ++ky, line += t.line) {
            for (int64_t kx = 0; kx < t.columns; ++kx, ++tap) {
              const auto x = load(line + kx * t.column);
              const auto above = V::greater(x, best);
              best = V::select(above, x, best);
              at = V::select(above, V::set(tap), at);
            }
          }
          tap = 0;
          for (int64_t ky = 0; ky < t.rows; ++ky, out += t.line) {
            for (int64_t kx = 0; kx < t.columns; ++kx, ++tap) give(out + kx * t.column, V::select(V::equal(at, V::set(tap)), g, V::zero()));
          }
        });
  }
}

template <class V>
void average_grad_row(const PoolGradRow& p) noexcept {
  const PoolShape& s = *p.shape;
  const TapRange rows = rows_of(s, p.oy);
  for (int64_t ox = 0; ox < s.out_w; ++ox) {
    const TapRange columns = columns_of(s, ox);
    const Taps t = taps_of(s, rows, columns);
    const int64_t count = rows.counted * columns.counted;
    if (count == 0) continue;
    const float* const dy = p.dy + ox * s.channels;
    each_vector<V>(
        p.c0, p.c1, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
          const auto share = V::div(load(dy + c), V::set(static_cast<float>(count)));
          float* out = p.dx + t.first + c;
          for (int64_t ky = 0; ky < t.rows; ++ky, out += t.line) {
            for (int64_t kx = 0; kx < t.columns; ++kx) {
              float* const d = out + kx * t.column;
              store(d, p.disjoint ? share : V::add(load(d), share));
            }
          }
        });
  }
}

template <class V>
constexpr PoolKernels make_pool_kernels() {
  return {&max_row<V>, &average_row<V>, &max_grad_row<V>, &average_grad_row<V>};
}

}  // namespace
}  // namespace omni::kernels
