// Integer weights: symmetric INT8 per output channel, and asymmetric INT4 in groups.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/tensor.h"

namespace omni::compress {

using namespace core;

struct Int8Weights {
  Tensor values;  // i8, the shape of the weights, within ±127
  Tensor scales;  // f32 [channels]
};

// Per channel along `axis`. With `clip` the scale minimizes the squared error (a scan of 1 … 0.5 of the extreme), else the extreme maps to 127.
// A channel of zeros gets scale 1. `weights`: f32.
Int8Weights quantize_int8(const Tensor& weights, int axis, bool clip = true);

struct Int4Weights {
  Tensor values;       // u4 [rows, columns], packed
  Tensor scales;       // f16 [rows, ceil(columns / group)]
  Tensor zero_points;  // u4, the scales' shape
};

// Asymmetric, in groups of `group` along the columns of a matrix f32 [rows, columns]; scale and minimum by a grid search over shrunken ranges.
Int4Weights quantize_int4(const Tensor& matrix, int64_t group);

}  // namespace omni::compress
