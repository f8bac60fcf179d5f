// The networks of `omni new`: layers and sizes in docs/networks.md. Inputs are pictures [N, channels, height, width] with a free batch N; outputs are
// logits [N, classes].
//
// Weights are drawn normally with a standard deviation of sqrt(2 / fan_in) in front of a ReLU and sqrt(1 / fan_in) elsewhere (He, Zhang, Ren, Sun
// 2015); fan_in = input channels of the group x kernel area. Biases are 0, batch norms start as the identity. Element e of a weight is
// Philox(seed; the weight's name, e): the same bytes everywhere, whatever else the network has.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "graph/graph.h"

namespace omni::train {

using namespace graph;

struct NetworkOptions {
  uint64_t seed = 1;
  int64_t channels = 1, height = 28, width = 28;
  int64_t classes = 10;
};

struct NetworkInfo {
  std::string_view name, description;
  int64_t parameters;  // trained numbers with the default options
};

std::span<const NetworkInfo> networks();

// Throws Error: kInvalidArgument for an unknown name (with the nearest ones) and for pictures that the network's layers do not fit.
Graph make_network(std::string_view name, const NetworkOptions& options = {});

}  // namespace omni::train
