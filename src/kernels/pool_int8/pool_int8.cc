// Which pixels a window has; what is done with them is in the kernels of kernels.inc.
#include "kernels/pool_int8/pool_int8.h"

#include <algorithm>

namespace omni::kernels {

#define OMNI_POOL_INT8(isa, space)                \
  namespace space {                               \
  extern const PoolInt8Kernels pool_int8_kernels; \
  }
#include "kernels/pool_int8/kernels.inc"
#undef OMNI_POOL_INT8

const PoolInt8Kernels& select_pool_int8(core::Isa isa) {
  const PoolInt8Kernels* best = &scalar::pool_int8_kernels;
#define OMNI_POOL_INT8(name, space) \
  if (core::Isa::name <= isa && (core::Isa::name == core::Isa::kScalar || isa < core::Isa::kNeon)) best = &space::pool_int8_kernels;
#include "kernels/pool_int8/kernels.inc"
#undef OMNI_POOL_INT8
  return *best;
}

namespace {

// Taps [first, last) of `kernel` that lie in [0, size), the first at `at`.
struct Taps {
  int64_t first, last;
};
Taps taps_inside(int64_t at, int64_t kernel, int64_t dilation, int64_t size) {
  if (dilation == 1) {
    const int64_t from = std::clamp<int64_t>(-at, 0, kernel), to = std::clamp<int64_t>(size - at, 0, kernel);
    return {from, std::max(from, to)};
  }
  const int64_t first = at < 0 ? (-at + dilation - 1) / dilation : 0;
  const int64_t last = at >= size ? 0 : std::min(kernel, (size - 1 - at) / dilation + 1);
  return {std::min(first, kernel), std::max(last, std::min(first, kernel))};
}

// f(window, taps counted with padding, output pixel) for every output pixel.
template <class F>
void for_each_window(const PoolInt8Shape& s, const uint8_t* x, core::ThreadPool& pool, const F& f) noexcept {
  const int64_t lines = s.batch * s.out_height;
  if (lines * s.out_width * s.channels == 0) return;
  const int64_t work = s.out_width * s.channels * s.kernel_height * s.kernel_width, each = std::max<int64_t>(1, (256 << 10) / work);
  pool.parallel_for((lines + each - 1) / each, [&](int64_t task) {
    for (int64_t line = task * each; line < std::min(lines, (task + 1) * each); ++line) {
      const int64_t n = line / s.out_height, y0 = line % s.out_height * s.stride_y - s.pad_top;
      const Taps ty = taps_inside(y0, s.kernel_height, s.dilation_y, s.height);
      // Windows of ceil mode may hang over the padding: what lies beyond is not counted.
      const Taps py = taps_inside(y0 + s.pad_top, s.kernel_height, s.dilation_y, s.height + s.pad_top + s.pad_bottom);
      for (int64_t ox = 0; ox < s.out_width; ++ox) {
        const int64_t x0 = ox * s.stride_x - s.pad_left;
        const Taps tx = taps_inside(x0, s.kernel_width, s.dilation_x, s.width);
        const Taps px = taps_inside(x0 + s.pad_left, s.kernel_width, s.dilation_x, s.width + s.pad_left + s.pad_right);
        const PoolInt8Window w{x + ((n * s.height + y0 + ty.first * s.dilation_y) * s.width + x0 + tx.first * s.dilation_x) * s.channels,
                               ty.last - ty.first, tx.last - tx.first, s.dilation_y * s.width * s.channels, s.dilation_x * s.channels};
        f(w, (py.last - py.first) * (px.last - px.first), line * s.out_width + ox);
      }
    }
  });
}

}  // namespace

void max_pool_int8(core::Isa isa, const PoolInt8Shape& s, bool is_signed, const void* x, void* y, core::ThreadPool& pool) noexcept {
  const PoolInt8Kernels& kernels = select_pool_int8(isa);
  for_each_window(s, static_cast<const uint8_t*>(x), pool, [&](const PoolInt8Window& w, int64_t, int64_t p) {
    kernels.max(w, s.channels, is_signed, static_cast<uint8_t*>(y) + p * s.channels);
  });
}

void average_pool_int8(core::Isa isa, const AveragePoolInt8& a, const void* x, void* y, core::ThreadPool& pool) noexcept {
  const PoolInt8Kernels& kernels = select_pool_int8(isa);
  const int32_t zero = ByteRange::of(a.x_signed, a.zx).as_unsigned().zero;
  const ByteRange range = a.y.as_unsigned();
  for_each_window(a.shape, static_cast<const uint8_t*>(x), pool, [&](const PoolInt8Window& w, int64_t padded, int64_t p) {
    const int64_t inside = w.rows * w.columns, count = a.count_padding ? padded : inside;
    const float multiplier = average_multiplier(a.sx, a.sy, count > 0 ? count : 1);
    kernels.average(w, a.shape.channels, a.x_signed ? 0x80 : 0, static_cast<int32_t>(inside * zero), multiplier, range, a.y.flip(),
                    static_cast<uint8_t*>(y) + p * a.shape.channels);
  });
}

}  // namespace omni::kernels
