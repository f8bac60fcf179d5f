// The kernels of rows.h over a vector type V (see gemm/tile_body.h), in an anonymous namespace of each including file.
#pragma once

#include "kernels/norm/rows.h"

namespace omni::kernels {
namespace {

// Calls f(first channel, load, store) for every vector of channels, the last one masked.
template <class V, class F>
__attribute__((always_inline)) inline void each_vector(int64_t channels, F&& f) {
  int64_t c = 0;
  for (; c + V::kLanes <= channels; c += V::kLanes) {
    f(
        c, [](const float* p) __attribute__((always_inline)) { return V::load(p); },
        [](float* p, typename V::Reg x) __attribute__((always_inline)) { V::store(p, x); });
  }
  if (c < channels) {
    const auto m = V::mask(channels - c);
    f(
        c, [m](const float* p) __attribute__((always_inline)) { return V::load(p, m); },
        [m](float* p, typename V::Reg x) __attribute__((always_inline)) { V::store(p, m, x); });
  }
}

template <class V>
void scale_shift_rows(const float* x, int64_t rows, int64_t channels, const float* scale, const float* shift, float* y) noexcept {
  each_vector<V>(
      channels, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
        const auto a = load(scale + c), b = load(shift + c);
        for (int64_t r = 0; r < rows; ++r) store(y + r * channels + c, V::fma(load(x + r * channels + c), a, b));
      });
}

template <class V>
void scale_shift_plane(const float* x, int64_t count, float scale, float shift, float* y) noexcept {
  const auto a = V::set(scale), b = V::set(shift);
  each_vector<V>(
      count, [&](int64_t i, auto load, auto store) __attribute__((always_inline)) { store(y + i, V::fma(load(x + i), a, b)); });
}

// Two sums, of even and odd rows, hide the latency of the addition.
template <class V>
void row_sums(const float* x, int64_t rows, int64_t channels, float* sums) noexcept {
  each_vector<V>(
      channels, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
        auto even = V::zero(), odd = V::zero();
        int64_t r = 0;
        for (; r + 2 <= rows; r += 2) {
          even = V::add(even, load(x + r * channels + c));
          odd = V::add(odd, load(x + (r + 1) * channels + c));
        }
        if (r < rows) even = V::add(even, load(x + r * channels + c));
        store(sums + c, V::add(even, odd));
      });
}

template <class V>
void row_moments(const float* x, int64_t rows, int64_t channels, float* mean, float* squares) noexcept {
  row_sums<V>(x, rows, channels, mean);
  const auto n = V::set(static_cast<float>(rows));
  each_vector<V>(
      channels, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
        const auto m = V::div(load(mean + c), n);
        store(mean + c, m);
        auto even = V::zero(), odd = V::zero();
        int64_t r = 0;
        for (; r + 2 <= rows; r += 2) {
          const auto a = V::sub(load(x + r * channels + c), m), b = V::sub(load(x + (r + 1) * channels + c), m);
          even = V::fma(a, a, even);
          odd = V::fma(b, b, odd);
        }
        if (r < rows) {
          const auto a = V::sub(load(x + r * channels + c), m);
          even = V::fma(a, a, even);
        }
        store(squares + c, V::add(even, odd));
      });
}

template <class V>
void grad_sums(const float* x, const float* dy, int64_t rows, int64_t channels, const float* mean, float* sums, float* products) noexcept {
  each_vector<V>(
      channels, [&](int64_t c, auto load, auto store) __attribute__((always_inline)) {
        const auto m = load(mean + c);
        auto sum = V::zero(), product = V::zero();
        for (int64_t r = 0; r < rows; ++r) {
          const auto g = load(dy + r * channels + c);
          sum = V::add(sum, g);
          product = V::fma(g, V::sub(load(x + r * channels + c), m), product);
        }
        store(sums + c, sum);
        store(products + c, product);
      });
}

template <class V>
void grad_rows(const float* x, const float* dy, int64_t rows, int64_t channels, const float* mean, const float* a, const float* b, const float* c,
               float* dx) noexcept {
  each_vector<V>(
      channels, [&](int64_t i, auto load, auto store) __attribute__((always_inline)) {
        const auto m = load(mean + i), ka = load(a + i), kb = load(b + i), kc = load(c + i);
        for (int64_t r = 0; r < rows; ++r) {
          const auto d = V::sub(load(x + r * channels + i), m);
          store(dx + r * channels + i, V::fma(ka, load(dy + r * channels + i), V::fma(kb, d, kc)));
        }
      });
}

template <class V>
constexpr NormKernels make_norm_kernels() {
  return {&scale_shift_rows<V>, &scale_shift_plane<V>, &row_sums<V>, &row_moments<V>, &grad_sums<V>, &grad_rows<V>};
}

}  // namespace
}  // namespace omni::kernels
