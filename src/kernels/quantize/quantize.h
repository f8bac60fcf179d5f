// Between floats and bytes: QuantizeLinear, DequantizeLinear, the range that DynamicQuantizeLinear needs.
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "kernels/quantize/requantize.h"

namespace omni::kernels {

struct QuantizeKernels {
  core::Isa isa;
  // y[i] = x[i] / scale rounded to nearest even, clamped, plus the zero point: a true division, as ONNX says.
  void (*quantize)(const float* x, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept;
  // The same from `channels` (1 to 4) planes of n values, each after `plane` floats, into interleaved pixels.
  void (*quantize_planes)(const float* x, int64_t plane, int64_t channels, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept;
  // y[i] = (x[i] - zero) * scale.
  void (*dequantize)(const uint8_t* x, int64_t n, bool is_signed, int32_t zero, float scale, float* y) noexcept;
  // y[i] = requantize(acc[i], multiplier, range).
  void (*requantize)(const int32_t* acc, int64_t n, float multiplier, const ByteRange& range, uint8_t* y) noexcept;
  // Lowers *low and raises *high to the smallest and largest of x; NaNs count for nothing.
  void (*range)(const float* x, int64_t n, float* low, float* high) noexcept;
};

const QuantizeKernels& select_quantize(core::Isa isa);

// DynamicQuantizeLinear (ONNX 11): scale and zero point of u8 for values in [low, high]; the range always holds 0.
struct DynamicScale {
  float scale;
  uint8_t zero;
};
DynamicScale dynamic_scale(float low, float high);

}  // namespace omni::kernels
