// The weights of a graph that compression works on: where they are, and which axis holds the output channels.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace omni::compress {

using namespace graph;

struct WeightTarget {
  NodeId node = kNone;
  uint32_t input = 0;
  ValueId value = kNone;  // an f32 constant of rank >= 2
  int axis = 0;           // of the output channels
  bool depthwise = false;
  bool table = false;     // rows of an embedding rather than the weights of a product
};

// In the order of execution; a tensor that several nodes share is listed once, with its first reader.
std::vector<WeightTarget> weight_targets(const Graph& graph);

// Every reader of `target.value` reads `replacement` instead; the old constant goes, and its name passes to `stored`.
void replace_weight(Graph& graph, ValueId weight, ValueId stored, ValueId replacement);

}  // namespace omni::compress
