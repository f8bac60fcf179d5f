#include "kernels/conv_int8/conv_int8.h"

#include <algorithm>

#include "kernels/depthwise_int8/depthwise_int8.h"

namespace omni::kernels {
namespace {

// The part of a per-channel array that one group has.
template <class T>
std::vector<T> part(const std::vector<T>& all, int64_t first, int64_t count) {
  if (all.size() <= 1) return all;
  return {all.begin() + first, all.begin() + first + count};
}

// Filters [out][in][taps] as [out][taps][in]: the order of a channels-last patch.
std::vector<uint8_t> taps_outside(const ConvInt8Weights& w, int64_t first, int64_t out, int64_t in, int64_t taps) {
  std::vector<uint8_t> t(static_cast<size_t>(out * in * taps));
  const uint8_t* source = static_cast<const uint8_t*>(w.data) + first * in * taps;
  for (int64_t o = 0; o < out; ++o) {
    for (int64_t i = 0; i < in; ++i) {
      for (int64_t s = 0; s < taps; ++s) t[static_cast<size_t>((o * taps + s) * in + i)] = source[(o * in + i) * taps + s];
    }
  }
  return t;
}

std::shared_ptr<const DepthwiseInt8> depthwise(core::Isa isa, const ConvInt8Shape& s, const ConvInt8Weights& w, const Int8Quantization& q) {
  const DepthwiseInt8Shape shape{s.batch,        s.channels, s.height,   s.width,      s.out_height, s.out_width, s.kernel_height,
                                 s.kernel_width, s.stride_y, s.stride_x, s.dilation_y, s.dilation_x, s.pad_top,   s.pad_left};
  const int64_t taps = s.kernel_height * s.kernel_width;
  std::vector<int16_t> centred(static_cast<size_t>(s.channels * taps));
  for (int64_t c = 0; c < s.channels; ++c) {
    const int32_t zero = w.zero_points == nullptr ? 0 : w.zero_points[w.zero_point_per_channel ? c : 0];
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t i = c * taps + t;
      const int32_t v = w.is_signed ? static_cast<const int8_t*>(w.data)[i] : static_cast<const uint8_t*>(w.data)[i];
      centred[static_cast<size_t>(i)] = static_cast<int16_t>(v - zero);
    }
  }
  std::vector<float> multiplier = q.multiplier;
  if (multiplier.size() == 1) multiplier.assign(static_cast<size_t>(s.channels), q.multiplier[0]);
  return std::make_shared<const DepthwiseInt8>(
      prepare_depthwise_int8(isa, shape, centred.data(), q.bias.empty() ? nullptr : q.bias.data(), multiplier.data(), q.x_signed, q.zx, q.y));
}

}  // namespace

ConvInt8::ConvInt8(core::Isa isa, const ConvInt8Shape& shape, const ConvInt8Weights& w, const Int8Quantization& q) : shape_(shape), q_(q) {
  const int64_t in = shape.channels / shape.groups, out = shape.out_channels / shape.groups, taps = shape.kernel_height * shape.kernel_width;
  if (in == 1 && out == 1 && shape.groups > 1 && q.output == Int8Output::kBytes && !q.residual) {
    depthwise_ = depthwise(isa, shape, w, q);
    return;
  }
  for (int64_t g = 0; g < shape.groups; ++g) {
    const std::vector<uint8_t> filters = taps_outside(w, g * out, out, in, taps);
    Int8Matrix matrix{filters.data(), w.is_signed, taps * in, 1, w.zero_points, w.zero_point_per_channel};
    if (w.zero_points != nullptr && w.zero_point_per_channel) matrix.zero_points += g * out;
    Int8Quantization mine = q;
    mine.multiplier = part(q.multiplier, g * out, out);
    mine.bias = part(q.bias, g * out, out);
    mine.float_bias = part(q.float_bias, g * out, out);
    if (q.bias.size() == 1) mine.bias.assign(static_cast<size_t>(out), q.bias[0]);
    if (q.float_bias.size() == 1) mine.float_bias.assign(static_cast<size_t>(out), q.float_bias[0]);
    groups_.push_back(prepare_int8(isa, matrix, out, taps * in, mine));
  }
}

Int8GemmArgs ConvInt8::arguments(size_t group, const void* x, int32_t zx, void* y) const noexcept {
  const ConvInt8Shape& s = shape_;
  const int64_t in = s.channels / s.groups, out = s.out_channels / s.groups, g = static_cast<int64_t>(group),
                element = q_.output == Int8Output::kBytes ? 1 : 4;
  Int8GemmArgs args = groups_[group].arguments();
  Int8Rows& a = args.a;
  a.data = static_cast<const uint8_t*>(x) + g * in;
  a.flip = q_.x_signed ? 0x80 : 0;
  a.pad = static_cast<uint8_t>(ByteRange::of(q_.x_signed, zx).as_unsigned().zero);
  a.rows = s.batch * s.out_height * s.out_width;
  a.channels = in;
  a.height = s.height;
  a.width = s.width;
  a.pixel_stride = s.channels;
  a.row_stride = s.width * s.channels;
  a.image_stride = s.height * a.row_stride;
  a.out_height = s.out_height;
  a.out_width = s.out_width;
  a.kernel_height = s.kernel_height;
  a.kernel_width = s.kernel_width;
  a.stride_y = s.stride_y;
  a.stride_x = s.stride_x;
  a.dilation_y = s.dilation_y;
  a.dilation_x = s.dilation_x;
  a.pad_top = s.pad_top;
  a.pad_left = s.pad_left;
  args.out = static_cast<uint8_t*>(y) + g * out * element;
  args.out_stride = s.out_channels;
  return args;
}

void ConvInt8::run(const void* x, const void* residual, void* y, core::ThreadPool& pool) const noexcept {
  if (depthwise_ != nullptr) {
    depthwise_->run(x, y, pool);
    return;
  }
  const int64_t out = shape_.out_channels / shape_.groups;
  for (size_t g = 0; g < groups_.size(); ++g) {
    Int8GemmArgs args = arguments(g, x, q_.zx, y);
    if (residual != nullptr) args.epilogue.residual = static_cast<const uint8_t*>(residual) + static_cast<int64_t>(g) * out;
    gemm_int8(args, pool);
  }
}

size_t ConvInt8::start_bytes() const {
  size_t columns = 0;
  for (const PreparedInt8& g : groups_) columns = std::max(columns, g.start.size());
  return columns * sizeof(int32_t);
}

void ConvInt8::run_with_zero(const void* x, int32_t zx, void* y, int32_t* start, core::ThreadPool& pool) const noexcept {
  for (size_t g = 0; g < groups_.size(); ++g) {
    Int8GemmArgs args = arguments(g, x, zx, y);
    start_values(groups_[g].weights.layout, groups_[g].weights.column_sums.values<int32_t>().data(), nullptr,
                 ByteRange::of(q_.x_signed, zx).as_unsigned().zero, start);
    args.epilogue.start = start;
    gemm_int8(args, pool);
  }
}

}  // namespace omni::kernels
