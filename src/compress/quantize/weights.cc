#include "compress/quantize/weights.h"

#include <algorithm>
#include <cmath>

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

}  // namespace omni::compress
