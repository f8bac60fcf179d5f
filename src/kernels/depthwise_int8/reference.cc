// The scalar truth of depthwise_int8. Packed: start[C], multiplier[C], w[tap][C].
#include <cstring>

#include "kernels/depthwise_int8/depthwise_int8.h"

namespace omni::kernels {
namespace {

int64_t packed_bytes(const DepthwiseInt8Shape& s) { return s.channels * (8 + 2 * s.kernel_height * s.kernel_width); }

void pack(const DepthwiseInt8Shape& s, const int16_t* w, const int32_t* start, const float* multiplier, std::byte* packed) {
  const size_t c = static_cast<size_t>(s.channels);
  std::memcpy(packed, start, 4 * c);
  std::memcpy(packed + 4 * c, multiplier, 4 * c);
  std::memcpy(packed + 8 * c, w, 2 * c * static_cast<size_t>(s.kernel_height * s.kernel_width));
}

bool takes(const DepthwiseInt8Shape&, int32_t, int32_t) { return true; }

int32_t sum_at(const DepthwiseInt8Task& task, const int16_t* w, int64_t oy, int64_t ox, int64_t c) {
  const DepthwiseInt8& d = *task.layer;
  const DepthwiseInt8Shape& s = d.shape;
  int32_t acc = 0;
  for (int64_t ky = 0; ky < s.kernel_height; ++ky) {
    const int64_t y = oy * s.stride_y - s.pad_top + ky * s.dilation_y;
    for (int64_t kx = 0; kx < s.kernel_width; ++kx) {
      const int64_t x = ox * s.stride_x - s.pad_left + kx * s.dilation_x;
      const bool inside = y >= 0 && y < s.height && x >= 0 && x < s.width;
      const int32_t value = inside ? task.x[(y * s.width + x) * s.channels + c] ^ d.x_flip : d.x_zero;
      acc += value * w[(ky * s.kernel_width + kx) * s.channels + c];
    }
  }
  return acc;
}

void run(const DepthwiseInt8Task& task) noexcept {
  const DepthwiseInt8& d = *task.layer;
  const DepthwiseInt8Shape& s = d.shape;
  const std::byte* packed = static_cast<const std::byte*>(d.packed.data());
  const int32_t* start = reinterpret_cast<const int32_t*>(packed);
  const float* multiplier = reinterpret_cast<const float*>(packed + 4 * s.channels);
  const int16_t* w = reinterpret_cast<const int16_t*>(packed + 8 * s.channels);
  for (int64_t oy = task.row_begin; oy < task.row_end; ++oy) {
    for (int64_t ox = 0; ox < s.out_width; ++ox) {
      for (int64_t c = 0; c < s.channels; ++c) {
        const uint32_t acc = static_cast<uint32_t>(start[c]) + static_cast<uint32_t>(sum_at(task, w, oy, ox, c));
        task.y[(oy * s.out_width + ox) * s.channels + c] =
            static_cast<uint8_t>(requantize(static_cast<int32_t>(acc), multiplier[c], d.range)) ^ d.y_flip;
      }
    }
  }
}

}  // namespace

namespace scalar {
extern const DepthwiseInt8Kernel depthwise_int8_any;
constinit const DepthwiseInt8Kernel depthwise_int8_any = {core::Isa::kScalar, packed_bytes, pack, takes, run};
}  // namespace scalar

}  // namespace omni::kernels
