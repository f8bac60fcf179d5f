#include "compress/quantize/blocks.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/half.h"

namespace omni::compress {

namespace {

float stored(double scale) { return f16_to_f32(f32_to_f16(static_cast<float>(scale))); }
bool usable(float scale) { return scale > 0 && std::isfinite(scale); }

// The scale for which least squares makes `target` from the levels that `w` has now; 0 where all are the zero point.
double fitted_scale(std::span<const float> w, std::span<const double> target, BlockParams p, int levels) {
  double products = 0, squares = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const double q = block_level(w[i], p, levels) - p.zero_point;
    products += q * target[i];
    squares += q * q;
  }
  return squares > 0 ? products / squares : 0;
}

struct Extremes {
  double low, high;  // with 0 between
};

Extremes extremes(std::span<const float> w) {
  const auto [low, high] = std::minmax_element(w.begin(), w.end());
  return {std::min(*low, 0.0f), std::max(*high, 0.0f)};
}

BlockParams params_of(Extremes e, int levels) {
  const float scale = stored((e.high - e.low) / levels);
  if (!usable(scale)) return {};
  return {scale, std::clamp(static_cast<int>(std::nearbyint(-e.low / scale)), 0, levels)};
}

// The proximal operator of |x|^p (generalized soft threshold of the paper, eq. 5).
double shrunk(double x, double beta, double p) {
  const double magnitude = std::fabs(x);
  if (magnitude == 0) return 0;
  return std::copysign(std::max(0.0, magnitude - std::pow(magnitude, p - 1) / beta), x);
}

}  // namespace

int block_level(double w, BlockParams p, int levels) {
  const double level = std::nearbyint(w / static_cast<double>(p.scale)) + p.zero_point;
  return level >= 0 ? static_cast<int>(std::min(level, static_cast<double>(levels))) : 0;  // 0 also for what is no number
}

double block_error(std::span<const float> w, BlockParams p, int levels, double power) {
  double total = 0;
  for (const float v : w) {
    const double error = std::fabs(v - block_value(block_level(v, p, levels), p));
    total += power == 2 ? error * error : std::pow(error, power);
  }
  return total;
}

BlockParams min_max_block(std::span<const float> w, int levels) { return params_of(extremes(w), levels); }

BlockParams search_block(std::span<const float> w, int levels) {
  const Extremes e = extremes(w);
  BlockParams best;
  double least = -1;
  const auto consider = [&](BlockParams p) {
    if (!usable(p.scale)) return;
    const double error = block_error(w, p, levels, 2);
    if (least < 0 || error < least) {
      least = error;
      best = p;
    }
  };
  for (int i = 0; i <= 20; ++i) {
    const double shrink = 1 - i * 0.02;
    const float scale = stored((e.high - e.low) * shrink / levels);
    if (!usable(scale)) continue;
    for (const int shift : {0, -1, 1}) consider({scale, std::clamp(static_cast<int>(std::nearbyint(-e.low * shrink / scale)) + shift, 0, levels)});
  }
  if (least <= 0) return best;
  const std::vector<double> target(w.begin(), w.end());
  for (int i = 0; i < 2; ++i) consider({stored(fitted_scale(w, target, best, levels)), best.zero_point});
  return best;
}

BlockParams half_quadratic_block(std::span<const float> w, int levels) {
  constexpr double kPower = 0.7, kGrowth = 1.01;
  constexpr int kRounds = 20;
  const BlockParams start = min_max_block(w, levels);
  BlockParams best = start;
  double least = block_error(w, start, levels, kPower);
  std::vector<double> target(w.size());
  for (const int shift : {0, -1, 1}) {
    BlockParams p{start.scale, std::clamp(start.zero_point + shift, 0, levels)};
    // The paper's beta of 10 is for weights of about 0.05; errors are measured in steps here, which makes it the same for any weights.
    double beta = 10 * std::pow(0.05, 2 - kPower);
    for (int i = 0; i < kRounds; ++i, beta *= kGrowth) {
      for (size_t k = 0; k < w.size(); ++k) {
        const double error = (w[k] - block_value(block_level(w[k], p, levels), p)) / p.scale;
        target[k] = w[k] - shrunk(error, beta, kPower) * p.scale;
      }
      const float scale = stored(fitted_scale(w, target, p, levels));
      if (!usable(scale)) break;
      const bool settled = scale == p.scale;
      p.scale = scale;
      const double error = block_error(w, p, levels, kPower);
      if (error < least) {
        least = error;
        best = p;
      }
      if (settled) break;
    }
  }
  return best;
}

BlockParams choose_block(std::span<const float> w, int levels, BlockChoice choice) {
  switch (choice) {
    case BlockChoice::kMinMax: return min_max_block(w, levels);
    case BlockChoice::kGrid: return search_block(w, levels);
    case BlockChoice::kHalfQuadratic: return half_quadratic_block(w, levels);
  }
  return {};
}

BlockWeights::BlockWeights(int64_t rows, int64_t columns, int64_t block)
    : group(block),
      values(DType::kU4, Shape{rows, columns}),
      scales(DType::kF16, Shape{rows, (columns + block - 1) / block}),
      zero_points(DType::kU4, Shape{rows, (columns + block - 1) / block}) {}

void BlockWeights::set_block(int64_t block, BlockParams p) {
  scales.mutable_values<uint16_t>()[static_cast<size_t>(block)] = f32_to_f16(p.scale);
  pack_4bit(static_cast<uint8_t*>(zero_points.mutable_data()), block, static_cast<uint8_t>(p.zero_point));
}

Tensor BlockWeights::dequantized() const {
  const int64_t rows = values.shape()[0], columns = values.shape()[1], blocks = scales.shape()[1];
  Tensor out(DType::kF32, values.shape());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      const int64_t b = r * blocks + c / group;
      const BlockParams p{f16_to_f32(scales.values<uint16_t>()[static_cast<size_t>(b)]), unpack_u4(static_cast<const uint8_t*>(zero_points.data()), b)};
      const int level = unpack_u4(static_cast<const uint8_t*>(values.data()), r * columns + c);
      out.mutable_values<float>()[static_cast<size_t>(r * columns + c)] = static_cast<float>(block_value(level, p));
    }
  }
  return out;
}

BlockWeights quantize_blocks(const Tensor& matrix, int64_t group, int levels, BlockChoice choice) {
  const int64_t rows = matrix.shape()[0], columns = matrix.shape()[1], groups = (columns + group - 1) / group;
  BlockWeights out(rows, columns, group);
  const std::span<const float> w = matrix.values<float>();
  uint8_t* q = static_cast<uint8_t*>(out.values.mutable_data());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t b = 0; b < groups; ++b) {
      const int64_t from = r * columns + b * group, n = std::min(group, columns - b * group);
      const BlockParams p = choose_block(w.subspan(static_cast<size_t>(from), static_cast<size_t>(n)), levels, choice);
      out.set_block(r * groups + b, p);
      for (int64_t i = 0; i < n; ++i) pack_4bit(q, from + i, static_cast<uint8_t>(block_level(w[static_cast<size_t>(from + i)], p, levels)));
    }
  }
  return out;
}

}  // namespace omni::compress
