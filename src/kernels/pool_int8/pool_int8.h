// Pooling of bytes, channels-last: [N, H, W, C] to [N, OH, OW, C].
//
// Max takes the largest byte of what lies inside. Average: sum of (x - zx) over the window, exact, times float(double(sx) / (sy * n)); n counts
// the pixels inside, or with `count_padding` also those of the padding (which add nothing).
#pragma once

#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/thread_pool.h"
#include "kernels/quantize/requantize.h"

namespace omni::kernels {

struct PoolInt8Shape {
  int64_t batch = 1, channels = 1, height = 1, width = 1, out_height = 1, out_width = 1;
  int64_t kernel_height = 1, kernel_width = 1, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
};

// A window: rows * columns pixels from x on, `row` and `pixel` bytes apart.
struct PoolInt8Window {
  const uint8_t* x;
  int64_t rows, columns, row, pixel;
};

struct PoolInt8Kernels {
  core::Isa isa;
  void (*max)(const PoolInt8Window& window, int64_t channels, bool is_signed, uint8_t* y) noexcept;
  // y = requantize(sum of (x ^ flip) - correction, multiplier): range and correction in the u8 view.
  void (*average)(const PoolInt8Window& window, int64_t channels, uint8_t flip, int32_t correction, float multiplier, const ByteRange& range,
                  uint8_t y_flip, uint8_t* y) noexcept;
};
const PoolInt8Kernels& select_pool_int8(core::Isa isa);

void max_pool_int8(core::Isa isa, const PoolInt8Shape& shape, bool is_signed, const void* x, void* y, core::ThreadPool& pool) noexcept;

struct AveragePoolInt8 {
  PoolInt8Shape shape;
  bool count_padding = false;
  bool x_signed = false;
  int32_t zx = 0;
  float sx = 1, sy = 1;
  ByteRange y;
};
void average_pool_int8(core::Isa isa, const AveragePoolInt8& p, const void* x, void* y, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
