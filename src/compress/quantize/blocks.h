// Weights in blocks: some neighbours of a row share a scale and a zero point, w ≈ (q − zero point) · scale with q and the zero point in [0, levels].
//
// 15 levels above 0 are four bits, 7 are three bits (kept in four by ONNX, which has no three). Scales are stored as f16, so every choice is made among
// scales that f16 holds.
#pragma once

#include <cstdint>
#include <span>

#include "core/tensor.h"

namespace omni::compress {

using namespace core;

struct BlockParams {
  float scale = 1;
  int zero_point = 0;
};

enum class BlockChoice : uint8_t { kMinMax, kGrid, kHalfQuadratic };

// The block's extremes onto 0 and `levels`.
BlockParams min_max_block(std::span<const float> w, int levels);
// The least squared error over shrunken ranges and zero points beside the nearest one, each refined by least squares.
BlockParams search_block(std::span<const float> w, int levels);
// Half-quadratic quantization (Badri and Shaji 2023): the least sum of |error|^0.7, which forgives outliers, by splitting off a sparse part of the error
// (a generalized soft threshold) and solving for the rest in closed form, in turns. The paper moves a real zero point; ours is whole, so the scale moves.
BlockParams half_quadratic_block(std::span<const float> w, int levels);
BlockParams choose_block(std::span<const float> w, int levels, BlockChoice choice);

int block_level(double w, BlockParams p, int levels);
inline double block_value(int level, BlockParams p) { return static_cast<double>(level - p.zero_point) * static_cast<double>(p.scale); }
// Sum of |error|^power.
double block_error(std::span<const float> w, BlockParams p, int levels, double power);

struct BlockWeights {
  int64_t group = 0;
  Tensor values;       // u4 [rows, columns], packed
  Tensor scales;       // f16 [rows, ceil(columns / group)]
  Tensor zero_points;  // u4, the scales' shape

  BlockWeights() = default;
  BlockWeights(int64_t rows, int64_t columns, int64_t block);
  void set_block(int64_t block, BlockParams p);  // counted over the scales
  // What DequantizeLinear gives.
  Tensor dequantized() const;
};

// Each block of a matrix f32 [rows, columns] for itself, rounded to nearest.
BlockWeights quantize_blocks(const Tensor& matrix, int64_t group, int levels, BlockChoice choice);

}  // namespace omni::compress
