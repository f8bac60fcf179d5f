// Pooling as its definition reads, one channel at a time.
#include <limits>

#include "kernels/pool/pool.h"
#include "kernels/pool/window_range.h"

namespace omni::kernels {

namespace {

// Calls f(out offset, in offset of the channel, output row taps, output column taps) for every output of channels [c0, c1) of an image.
template <class F>
void each_output(const PoolShape& s, int64_t image, int64_t c0, int64_t c1, F&& f) {
  const int64_t in_image = image * s.channels * s.in_h * s.in_w, out_image = image * s.channels * s.out_h * s.out_w;
  for (int64_t c = c0; c < c1; ++c) {
    for (int64_t oy = 0; oy < s.out_h; ++oy) {
      const TapRange rows = rows_of(s, oy);
      for (int64_t ox = 0; ox < s.out_w; ++ox) {
        f(out_image + c * s.out_plane() + (oy * s.out_w + ox) * s.pixel(), in_image + c * s.in_plane(), rows, columns_of(s, ox));
      }
    }
  }
}

// Calls f(in offset, iy, ix) for every pixel of a window.
template <class F>
void each_pixel(const PoolShape& s, int64_t in, const TapRange& rows, const TapRange& columns, F&& f) {
  for (int64_t ky = rows.first; ky < rows.last; ++ky) {
    const int64_t iy = rows.origin + ky * s.dilation_h;
    for (int64_t kx = columns.first; kx < columns.last; ++kx) {
      const int64_t ix = columns.origin + kx * s.dilation_w;
      f(in + (iy * s.in_w + ix) * s.pixel(), iy, ix);
    }
  }
}

void clear(const PoolGradArgs& a, int64_t image, int64_t c0, int64_t c1) {
  const PoolShape& s = a.shape;
  for (int64_t c = c0; c < c1; ++c) {
    float* const dx = a.dx + image * s.channels * s.in_h * s.in_w + c * s.in_plane();
    for (int64_t i = 0; i < s.in_h * s.in_w; ++i) dx[i * s.pixel()] = 0.0f;
  }
}

}  // namespace

void max_pool_reference(const PoolArgs& a, int64_t image, int64_t c0, int64_t c1) noexcept {
  const PoolShape& s = a.shape;
  each_output(s, image, c0, c1, [&](int64_t out, int64_t in, const TapRange& rows, const TapRange& columns) {
    float best = -std::numeric_limits<float>::infinity();
    int64_t at = -1;
    const int64_t plane = image * s.channels + (in - image * s.channels * s.in_h * s.in_w) / s.in_plane();
    each_pixel(s, in, rows, columns, [&](int64_t p, int64_t iy, int64_t ix) {
      if (at >= 0 && !(a.x[p] > best)) return;
      best = a.x[p];
      at = plane * s.in_h * s.in_w + (a.column_major ? ix * s.in_h + iy : iy * s.in_w + ix);
    });
    a.y[out] = best;
    if (a.indices == nullptr) return;
    const int64_t position = (out - image * s.channels * s.out_h * s.out_w - (plane - image * s.channels) * s.out_plane()) / s.pixel();
    a.indices[plane * s.out_h * s.out_w + position] = at;
  });
}

void average_pool_reference(const PoolArgs& a, int64_t image, int64_t c0, int64_t c1) noexcept {
  each_output(a.shape, image, c0, c1, [&](int64_t out, int64_t in, const TapRange& rows, const TapRange& columns) {
    double sum = 0;
    each_pixel(a.shape, in, rows, columns, [&](int64_t p, int64_t, int64_t) { sum += a.x[p]; });
    const int64_t count = rows.counted * columns.counted;
    a.y[out] = count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count));
  });
}

void max_pool_grad_reference(const PoolGradArgs& a, int64_t image, int64_t c0, int64_t c1) noexcept {
  clear(a, image, c0, c1);
  each_output(a.shape, image, c0, c1, [&](int64_t out, int64_t in, const TapRange& rows, const TapRange& columns) {
    int64_t at = -1;
    each_pixel(a.shape, in, rows, columns, [&](int64_t p, int64_t, int64_t) {
      if (at < 0 || a.x[p] > a.x[at]) at = p;
    });
    if (at >= 0) a.dx[at] += a.dy[out];
  });
}

void average_pool_grad_reference(const PoolGradArgs& a, int64_t image, int64_t c0, int64_t c1) noexcept {
  clear(a, image, c0, c1);
  each_output(a.shape, image, c0, c1, [&](int64_t out, int64_t in, const TapRange& rows, const TapRange& columns) {
    const int64_t count = rows.counted * columns.counted;
    if (count == 0) return;
    const float share = a.dy[out] / static_cast<float>(count);
    each_pixel(a.shape, in, rows, columns, [&](int64_t p, int64_t, int64_t) { a.dx[p] += share; });
  });
}

}  // namespace omni::kernels
