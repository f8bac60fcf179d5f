// Activations between layers whose channels may be scaled: x / s before, W · s behind, and the network computes what it did.
//
// Behind x stand products with constant weights alone. Before it stands something that can take 1 / s into its constants: a product or a normalization,
// with ReLU, poolings and additions of constants between. Cross-layer equalization, SmoothQuant and AWQ differ in how they choose s.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace omni::compress {

using namespace graph;

// A constant operand and the axis along which its values belong to channels.
struct ChannelOperand {
  NodeId node = kNone;
  uint32_t input = 0;
  int axis = 0;
};

struct ScalePoint {
  ValueId value = kNone;
  int axis = 0;
  int64_t channels = 0;
  std::vector<ChannelOperand> readers;  // weights, multiplied by s
  std::vector<ChannelOperand> writers;  // divided by s; the last one is the scale that starts it: a product's weights, or a normalization's
  std::vector<NodeId> clips;            // Clip(0, high) between: become ReLU, since high would have to differ from channel to channel
  bool weights = false;                 // writers.back() are a product's
};

// In the order of execution. With `clips`, points behind Clip(0, high) too; the caller answers for replacing it.
std::vector<ScalePoint> scale_points(const Graph& graph, bool clips);

// x := x / s, W := W · s for a point of this graph. `factors`: one a channel, positive.
void apply_scale(Graph& graph, const ScalePoint& point, std::span<const double> factors);

// The largest magnitude of each channel's values in a constant operand; over several ones together.
std::vector<double> channel_extremes(const Graph& graph, std::span<const ChannelOperand> operands, int64_t channels);

}  // namespace omni::compress
