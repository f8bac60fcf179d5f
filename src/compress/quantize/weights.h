// Weights in eight bits, symmetric, one scale an output channel.
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

}  // namespace omni::compress
