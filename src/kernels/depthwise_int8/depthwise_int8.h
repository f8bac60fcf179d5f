// INT8 depthwise convolution, channels-last, one filter a channel: bytes [N, H, W, C] to bytes [N, OH, OW, C].
//
// 3x3 with stride 1 or 2, dilation 1 and at most one row and column of padding has kernels of its own; everything else goes through
// one that takes any window. Sums are exact, so the order of taps is free. Rows outside the image are read from one row of zero points.
#pragma once

#include <cstdint>
#include <vector>

#include "core/isa.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "kernels/quantize/requantize.h"

namespace omni::kernels {

struct DepthwiseInt8Shape {
  int64_t batch = 1, channels = 1, height = 1, width = 1, out_height = 1, out_width = 1;
  int64_t kernel_height = 3, kernel_width = 3, stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1, pad_top = 0, pad_left = 0;

  bool is_3x3() const {
    return kernel_height == 3 && kernel_width == 3 && stride_y == stride_x && (stride_x == 1 || stride_x == 2) && dilation_y == 1 &&
           dilation_x == 1 && pad_top <= 1 && pad_left <= 1 && (out_height - 1) * stride_y - pad_top + 2 <= height &&
           (out_width - 1) * stride_x - pad_left + 2 <= width;
  }
};

struct DepthwiseInt8Task;
struct DepthwiseInt8Kernel {
  core::Isa isa;
  // Bytes and order of the packed filters: `pack` is given w[tap][channels] as w - zw in 16 bits.
  int64_t (*packed_bytes)(const DepthwiseInt8Shape& shape);
  void (*pack)(const DepthwiseInt8Shape& shape, const int16_t* w, const int32_t* start, const float* multiplier, std::byte* packed);
  bool (*takes)(const DepthwiseInt8Shape& shape, int32_t low, int32_t high);  // low, high: extremes of w - zw
  void (*run)(const DepthwiseInt8Task&) noexcept;
};

struct DepthwiseInt8 {
  DepthwiseInt8Shape shape;
  const DepthwiseInt8Kernel* kernel = nullptr;
  core::Tensor packed;
  std::vector<uint8_t> zero_row;  // width * channels zero points as x holds them (not flipped)
  uint8_t x_flip = 0;
  int32_t x_zero = 0;  // in the u8 view
  ByteRange range;     // in the u8 view
  uint8_t y_flip = 0;
  bool wide = false;  // some multiplier is above kSafeMultiplier

  void run(const void* x, void* y, core::ThreadPool& pool) const noexcept;
};

struct DepthwiseInt8Task {
  const DepthwiseInt8* layer;
  const uint8_t* x;  // of the image
  uint8_t* y;
  int64_t row_begin, row_end;  // output rows
};

// w: [channels][kernel_height * kernel_width], w - zw in 16 bits; bias: [channels] or nullptr; multiplier: [channels].
DepthwiseInt8 prepare_depthwise_int8(core::Isa isa, const DepthwiseInt8Shape& shape, const int16_t* w, const int32_t* bias, const float* multiplier,
                                     bool x_signed, int32_t zx, const ByteRange& y);

}  // namespace omni::kernels
