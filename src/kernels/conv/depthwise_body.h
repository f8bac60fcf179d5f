// The row kernels of depthwise.h over a vector type V (see gemm/tile_body.h), in an anonymous namespace of each including file.
#pragma once

#include "kernels/conv/depthwise.h"

namespace omni::kernels {
namespace {

constexpr int kStrip = 6;  // output pixels whose sums are held: enough independent multiply-adds to hide their latency

// Sums of kPixels outputs from `ox` on, one vector of channels at `c`; every tap of theirs is inside the line or (kEdges) tested.
template <class V, int kPixels, bool kEdges, class Load>
__attribute__((always_inline)) inline void strip(const DepthwiseRow& d, int64_t ox, int64_t c, Load load, typename V::Reg (&acc)[kPixels]) {
  const ConvShape& s = *d.shape;
  const int64_t ix0 = ox * s.stride_w - s.pad_left;
  const float* w = d.weights + c;
  for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const float* const line = d.lines[ky];
    if (line == nullptr) {
      w += s.kernel_w * s.in_c;
      continue;
    }
    const float* x = line + ix0 * s.in_c + c;
    for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const int64_t ix = ix0 + kx * s.dilation_w;
      if (!kEdges || (ix >= 0 && ix < s.in_w)) {
        const auto weight = load(w);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; ++p) acc[p] = V::fma(load(x + p * s.stride_w * s.in_c), weight, acc[p]);
      }
      x += s.dilation_w * s.in_c;
      w += s.in_c;
    }
  }
}

template <class V, int kPixels, bool kEdges, class Load, class Store>
__attribute__((always_inline)) inline void outputs(const DepthwiseRow& d, int64_t ox, int64_t c, Load load, Store store) {
  const int64_t channels = d.shape->in_c;
  typename V::Reg acc[kPixels];
  const auto start = d.bias != nullptr ? load(d.bias + c) : V::zero();
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) acc[p] = start;
  strip<V, kPixels, kEdges>(d, ox, c, load, acc);
  const int64_t at = ox * channels + c;
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; ++p) {
    if (d.residual != nullptr) acc[p] = V::add(acc[p], load(d.residual + at + p * channels));
    if (d.clamp) acc[p] = V::min(V::set(d.hi), V::max(V::set(d.lo), acc[p]));
    store(d.y + at + p * channels, acc[p]);
  }
}

template <class V, class Load, class Store>
void row_of_vector(const DepthwiseRow& d, int64_t c, Load load, Store store) {
  const ConvShape& s = *d.shape;
  const int64_t out_w = s.out_w();
  // Outputs [lo, hi) have every tap inside.
  int64_t lo = (s.pad_left + s.stride_w - 1) / s.stride_w;
  if (lo > out_w) lo = out_w;
  const int64_t room = s.in_w + s.pad_left - 1 - (s.kernel_w - 1) * s.dilation_w;
  int64_t hi = room < 0 ? 0 : room / s.stride_w + 1;
  if (hi > out_w) hi = out_w;
  if (hi < lo) hi = lo;
  int64_t ox = 0;
  for (; ox < lo; ++ox) outputs<V, 1, true>(d, ox, c, load, store);
  for (; ox + kStrip <= hi; ox += kStrip) outputs<V, kStrip, false>(d, ox, c, load, store);
  for (; ox < hi; ++ox) outputs<V, 1, false>(d, ox, c, load, store);
  for (; ox < out_w; ++ox) outputs<V, 1, true>(d, ox, c, load, store);
}

template <class V>
void depthwise_row(const DepthwiseRow& d) noexcept {
  int64_t c = d.c0;
  for (; c + V::kLanes <= d.c1; c += V::kLanes) {
    row_of_vector<V>(
        d, c, [](const float* p) { return V::load(p); }, [](float* p, typename V::Reg x) { V::store(p, x); });
  }
  if (c < d.c1) {
    const auto m = V::mask(d.c1 - c);
    row_of_vector<V>(
        d, c, [m](const float* p) { return V::load(p, m); }, [m](float* p, typename V::Reg x) { V::store(p, m, x); });
  }
}

// Outputs [lo, hi) whose tap at `shift` from their origin is inside a row of the input.
struct OutputRange {
  int64_t lo, hi;
};

inline OutputRange outputs_of_tap(const ConvShape& s, int64_t shift) {
  const int64_t out_w = s.out_w(), room = s.in_w - 1 - shift;
  OutputRange r{shift < 0 ? (-shift + s.stride_w - 1) / s.stride_w : 0, room < 0 ? 0 : room / s.stride_w + 1};
  if (r.hi > out_w) r.hi = out_w;
  return r;
}

template <class V, class Load, class Store>
void input_grad_of_vector(const DepthwiseInputGradRow& d, int64_t c, Load load, Store store) {
  const ConvShape& s = *d.shape;
  const int64_t channels = s.in_c, step = s.stride_w * channels;
  for (int64_t ix = 0; ix < s.in_w; ++ix) store(d.dx + ix * channels + c, V::zero());
  for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
    if (d.lines[ky] == nullptr) continue;
    for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const int64_t shift = kx * s.dilation_w - s.pad_left;
      const OutputRange r = outputs_of_tap(s, shift);
      const auto weight = load(d.weights + (ky * s.kernel_w + kx) * channels + c);
      const float* g = d.lines[ky] + r.lo * channels + c;
      float* x = d.dx + shift * channels + r.lo * step + c;
      for (int64_t ox = r.lo; ox < r.hi; ++ox, g += channels, x += step) store(x, V::fma(load(g), weight, load(x)));
    }
  }
}

template <class V>
void depthwise_input_grad_row(const DepthwiseInputGradRow& d) noexcept {
  int64_t c = d.c0;
  for (; c + V::kLanes <= d.c1; c += V::kLanes) {
    input_grad_of_vector<V>(
        d, c, [](const float* p) { return V::load(p); }, [](float* p, typename V::Reg x) { V::store(p, x); });
  }
  if (c < d.c1) {
    const auto m = V::mask(d.c1 - c);
    input_grad_of_vector<V>(
        d, c, [m](const float* p) { return V::load(p, m); }, [m](float* p, typename V::Reg x) { V::store(p, m, x); });
  }
}

template <class V, class Load, class Store>
void weight_grad_of_vector(const DepthwiseGradRow& d, int64_t c, Load load, Store store) {
  const ConvShape& s = *d.shape;
  const int64_t channels = s.in_c;
  for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
    const float* const line = d.lines[ky];
    if (line == nullptr) continue;
    for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const int64_t shift = kx * s.dilation_w - s.pad_left;
      typename V::Reg even = V::zero(), odd = V::zero();
      auto [lo, hi] = outputs_of_tap(s, shift);
      const float* const x = line + shift * channels + c;
      const float* const g = d.dy + c;
      for (; lo + 2 <= hi; lo += 2) {
        even = V::fma(load(g + lo * channels), load(x + lo * s.stride_w * channels), even);
        odd = V::fma(load(g + (lo + 1) * channels), load(x + (lo + 1) * s.stride_w * channels), odd);
      }
      if (lo < hi) even = V::fma(load(g + lo * channels), load(x + lo * s.stride_w * channels), even);
      float* const w = d.dw + (ky * s.kernel_w + kx) * channels + c;
      store(w, V::add(load(w), V::add(even, odd)));
    }
  }
}

template <class V>
void depthwise_weight_grad_row(const DepthwiseGradRow& d) noexcept {
  int64_t c = d.c0;
  for (; c + V::kLanes <= d.c1; c += V::kLanes) {
    weight_grad_of_vector<V>(
        d, c, [](const float* p) { return V::load(p); }, [](float* p, typename V::Reg x) { V::store(p, x); });
  }
  if (c < d.c1) {
    const auto m = V::mask(d.c1 - c);
    weight_grad_of_vector<V>(
        d, c, [m](const float* p) { return V::load(p, m); }, [m](float* p, typename V::Reg x) { V::store(p, m, x); });
  }
}

template <class V>
constexpr DepthwiseKernels make_depthwise_kernels() {
  return {&depthwise_row<V>, &depthwise_input_grad_row<V>, &depthwise_weight_grad_row<V>};
}

}  // namespace
}  // namespace omni::kernels
