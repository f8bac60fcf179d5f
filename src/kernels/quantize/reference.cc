// The scalar truth of quantize.
#include "kernels/quantize/quantize.h"

namespace omni::kernels {
namespace {

void quantize(const float* x, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<uint8_t>(round_to_range(x[i] / scale, range));
}

void quantize_planes(const float* x, int64_t plane, int64_t channels, int64_t n, float scale, const ByteRange& range, uint8_t* y) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t c = 0; c < channels; ++c) *y++ = static_cast<uint8_t>(round_to_range(x[c * plane + i] / scale, range));
  }
}

void dequantize(const uint8_t* x, int64_t n, bool is_signed, int32_t zero, float scale, float* y) noexcept {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t v = is_signed ? static_cast<int8_t>(x[i]) : x[i];
    y[i] = static_cast<float>(v - zero) * scale;
  }
}

void requantize_all(const int32_t* acc, int64_t n, float multiplier, const ByteRange& range, uint8_t* y) noexcept {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<uint8_t>(requantize(acc[i], multiplier, range));
}

void range(const float* x, int64_t n, float* low, float* high) noexcept {
  float l = *low, h = *high;
  for (int64_t i = 0; i < n; ++i) {
    if (x[i] < l) l = x[i];
    if (x[i] > h) h = x[i];
  }
  *low = l;
  *high = h;
}

}  // namespace

namespace scalar {
extern const QuantizeKernels quantize_kernels;
constinit const QuantizeKernels quantize_kernels = {core::Isa::kScalar, quantize, quantize_planes, dequantize, requantize_all, range};
}  // namespace scalar

}  // namespace omni::kernels
