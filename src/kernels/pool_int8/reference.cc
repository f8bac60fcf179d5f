// The scalar truth of pool_int8.
#include "kernels/pool_int8/pool_int8.h"

namespace omni::kernels {
namespace {

void max(const PoolInt8Window& w, int64_t channels, bool is_signed, uint8_t* y) noexcept {
  const uint8_t flip = is_signed ? 0x80 : 0;
  for (int64_t c = 0; c < channels; ++c) {
    uint8_t best = 0;
    for (int64_t i = 0; i < w.rows; ++i) {
      for (int64_t j = 0; j < w.columns; ++j) {
        const uint8_t v = w.x[i * w.row + j * w.pixel + c] ^ flip;
        if (v > best) best = v;
      }
    }
    y[c] = best ^ flip;
  }
}

void average(const PoolInt8Window& w, int64_t channels, uint8_t flip, int32_t correction, float multiplier, const ByteRange& range, uint8_t y_flip,
             uint8_t* y) noexcept {
  for (int64_t c = 0; c < channels; ++c) {
    int32_t sum = -correction;
    for (int64_t i = 0; i < w.rows; ++i) {
      for (int64_t j = 0; j < w.columns; ++j) sum += w.x[i * w.row + j * w.pixel + c] ^ flip;
    }
    y[c] = static_cast<uint8_t>(requantize(sum, multiplier, range)) ^ y_flip;
  }
}

}  // namespace

namespace scalar {
extern const PoolInt8Kernels pool_int8_kernels;
constinit const PoolInt8Kernels pool_int8_kernels = {core::Isa::kScalar, max, average};
}  // namespace scalar

}  // namespace omni::kernels
