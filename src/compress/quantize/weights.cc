#include "compress/quantize/weights.h"

#include <algorithm>
#include <cmath>

#include "core/half.h"

namespace omni::compress {

namespace {

// Squared error of one channel at that scale.
double channel_error(const std::vector<float>& w, double scale) {
  double total = 0;
  for (const float v : w) {
    const double q = std::clamp(std::nearbyint(v / scale), -127.0, 127.0);
    total += (v - q * scale) * (v - q * scale);
  }
  return total;
}

float channel_scale(const std::vector<float>& w, bool clip) {
  float extreme = 0;
  for (const float v : w) extreme = std::max(extreme, std::fabs(v));
  const double full = extreme / 127.0;
  if (!(static_cast<float>(full) > 0) || !std::isfinite(full)) return 1;
  if (!clip) return static_cast<float>(full);
  double best = full, least = channel_error(w, full);
  for (int i = 1; i <= 50; ++i) {
    const double scale = full * (1 - i / 100.0);
    const double error = channel_error(w, scale);
    if (error < least) {
      least = error;
      best = scale;
    }
  }
  return static_cast<float>(best);
}

struct Group {
  float scale = 1;
  int zero_point = 0;
};

double group_error(std::span<const float> w, Group g) {
  double total = 0;
  for (const float v : w) {
    const double q = std::clamp(std::nearbyint(v / static_cast<double>(g.scale)) + g.zero_point, 0.0, 15.0);
    total += std::pow(v - (q - g.zero_point) * g.scale, 2);
  }
  return total;
}

Group best_group(std::span<const float> w) {
  const auto [low, high] = std::minmax_element(w.begin(), w.end());
  const double lo = std::min(*low, 0.0f), hi = std::max(*high, 0.0f);
  Group best;
  double least = -1;
  for (int i = 0; i <= 20; ++i) {
    const double shrink = 1 - i * 0.02;
    // Stored as f16: search over what will be stored.
    const float scale = f16_to_f32(f32_to_f16(static_cast<float>((hi - lo) * shrink / 15)));
    if (!(scale > 0) || !std::isfinite(scale)) continue;
    for (const int shift : {0, -1, 1}) {
      const Group g{scale, std::clamp(static_cast<int>(std::nearbyint(-lo * shrink / scale)) + shift, 0, 15)};
      const double error = group_error(w, g);
      if (least < 0 || error < least) {
        least = error;
        best = g;
      }
    }
  }
  return best;
}

}  // namespace

Int8Weights quantize_int8(const Tensor& weights, int axis, bool clip) {
  const Shape& shape = weights.shape();
  const int64_t channels = shape[axis], outer = shape.count(0, axis), inner = shape.count(axis + 1);
  Int8Weights out{Tensor(DType::kI8, shape), Tensor(DType::kF32, Shape{channels})};
  const float* w = weights.values<float>().data();
  int8_t* q = out.values.mutable_values<int8_t>().data();
  float* scales = out.scales.mutable_values<float>().data();
  std::vector<float> channel(static_cast<size_t>(outer * inner));
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t o = 0; o < outer; ++o) std::copy_n(w + (o * channels + c) * inner, inner, channel.data() + o * inner);
    const float scale = channel_scale(channel, clip);
    scales[c] = scale;
    for (int64_t o = 0; o < outer; ++o) {
      for (int64_t i = 0; i < inner; ++i) {
        const double level = std::nearbyint(static_cast<double>(channel[static_cast<size_t>(o * inner + i)]) / scale);
        q[(o * channels + c) * inner + i] = static_cast<int8_t>(std::clamp(level, -127.0, 127.0));
      }
    }
  }
  return out;
}

Int4Weights quantize_int4(const Tensor& matrix, int64_t group) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1], groups = (columns + group - 1) / group;
  Int4Weights out{Tensor(DType::kU4, matrix.shape()), Tensor(DType::kF16, Shape{rows, groups}), Tensor(DType::kU4, Shape{rows, groups})};
  const std::span<const float> w = matrix.values<float>();
  uint8_t* q = static_cast<uint8_t*>(out.values.mutable_data());
  uint8_t* zeros = static_cast<uint8_t*>(out.zero_points.mutable_data());
  uint16_t* scales = out.scales.mutable_values<uint16_t>().data();
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t b = 0; b < groups; ++b) {
      const int64_t from = r * columns + b * group, n = std::min(group, columns - b * group);
      const Group g = best_group(w.subspan(static_cast<size_t>(from), static_cast<size_t>(n)));
      scales[r * groups + b] = f32_to_f16(g.scale);
      pack_4bit(zeros, r * groups + b, static_cast<uint8_t>(g.zero_point));
      for (int64_t i = 0; i < n; ++i) {
        const double level = std::nearbyint(static_cast<double>(w[static_cast<size_t>(from + i)]) / g.scale) + g.zero_point;
        pack_4bit(q, from + i, static_cast<uint8_t>(std::clamp(level, 0.0, 15.0)));
      }
    }
  }
  return out;
}

}  // namespace omni::compress
