// Selection, packing and the cutting into tasks. The arithmetic is in the kernels of kernels.inc.
#include "kernels/depthwise_int8/depthwise_int8.h"

#include <algorithm>

namespace omni::kernels {

#define OMNI_DEPTHWISE_INT8(isa, space, kernel) \
  namespace space {                             \
  extern const DepthwiseInt8Kernel kernel;      \
  }
#include "kernels/depthwise_int8/kernels.inc"
#undef OMNI_DEPTHWISE_INT8

namespace {

const DepthwiseInt8Kernel& select(core::Isa isa, const DepthwiseInt8Shape& shape, int32_t low, int32_t high) {
  const DepthwiseInt8Kernel* best = &scalar::depthwise_int8_any;
#define OMNI_DEPTHWISE_INT8(name, space, kernel)                                                                                              \
  if (core::Isa::name <= isa && (core::Isa::name == core::Isa::kScalar || isa < core::Isa::kNeon) && space::kernel.takes(shape, low, high)) { \
    best = &space::kernel;                                                                                                                    \
  }
#include "kernels/depthwise_int8/kernels.inc"
#undef OMNI_DEPTHWISE_INT8
  return *best;
}

}  // namespace

DepthwiseInt8 prepare_depthwise_int8(core::Isa isa, const DepthwiseInt8Shape& shape, const int16_t* w, const int32_t* bias, const float* multiplier,
                                     bool x_signed, int32_t zx, const ByteRange& y) {
  DepthwiseInt8 d;
  d.shape = shape;
  d.x_flip = x_signed ? 0x80 : 0;
  d.x_zero = ByteRange::of(x_signed, zx).as_unsigned().zero;
  d.range = y.as_unsigned();
  d.y_flip = y.flip();
  d.zero_row.assign(static_cast<size_t>(shape.width * shape.channels), static_cast<uint8_t>(zx));
  const int64_t taps = shape.kernel_height * shape.kernel_width;
  std::vector<int16_t> by_tap(static_cast<size_t>(taps * shape.channels));
  std::vector<int32_t> start(static_cast<size_t>(shape.channels));
  int32_t low = 0, high = 0;
  for (int64_t c = 0; c < shape.channels; ++c) {
    uint32_t sum = 0;
    for (int64_t t = 0; t < taps; ++t) {
      const int16_t v = w[c * taps + t];
      by_tap[static_cast<size_t>(t * shape.channels + c)] = v;
      low = std::min<int32_t>(low, v);
      high = std::max<int32_t>(high, v);
      sum += static_cast<uint32_t>(static_cast<int32_t>(v));
    }
    const uint32_t b = bias == nullptr ? 0 : static_cast<uint32_t>(bias[c]);
    start[static_cast<size_t>(c)] = static_cast<int32_t>(b - static_cast<uint32_t>(d.x_zero) * sum);
    d.wide = d.wide || !(multiplier[c] <= kSafeMultiplier);
  }
  d.kernel = &select(isa, shape, low, high);
  d.packed = core::Tensor(core::DType::kU8, core::Shape{d.kernel->packed_bytes(shape)});
  d.kernel->pack(shape, by_tap.data(), start.data(), multiplier, static_cast<std::byte*>(d.packed.mutable_data()));
  return d;
}

void DepthwiseInt8::run(const void* x, void* y, core::ThreadPool& pool) const noexcept {
  if (shape.batch * shape.out_height * shape.out_width * shape.channels == 0) return;
  const int64_t row = shape.out_width * shape.channels, image = shape.height * shape.width * shape.channels;
  constexpr int64_t kOutputs = 64 << 10;  // of one task: a few microseconds
  const int64_t rows = std::clamp<int64_t>((kOutputs + row - 1) / row + 1, 2, std::max<int64_t>(2, shape.out_height + 1)) / 2 * 2;
  const int64_t chunks = (shape.out_height + rows - 1) / rows;
  pool.parallel_for(shape.batch * chunks, [&](int64_t task) {
    const int64_t n = task / chunks, begin = task % chunks * rows;
    kernel->run({this, static_cast<const uint8_t*>(x) + n * image, static_cast<uint8_t*>(y) + n * shape.out_height * row, begin,
                 std::min(shape.out_height, begin + rows)});
  });
}

}  // namespace omni::kernels
