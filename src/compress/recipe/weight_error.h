// How far the weights that a changed graph reads are from what they were.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "compress/quantize/targets.h"

namespace omni::compress {

// For each target of `before` the signal-to-noise ratio in dB of the weight that its node reads in `after`, where the node is found by its output's name
// and the weight comes from constants alone as floats of the same shape. Nothing where it is not found, or has not changed.
std::vector<std::optional<double>> weight_snr(const Graph& before, const Graph& after, std::span<const WeightTarget> targets);

}  // namespace omni::compress
