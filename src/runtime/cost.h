// What a graph costs for given input shapes, counted without running it: parameters, operations and bytes per node, memory.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/isa.h"
#include "graph/graph.h"

namespace omni::runtime {

using namespace graph;

struct NodeCost {
  NodeId id = kNone;
  std::string name, op;
  std::string output;      // "f32[1,10]" of the first output
  bool known = true;       // false where shapes depend on data: then nothing but parameters is counted
  int64_t operations = 0;  // a multiply-add is two
  int64_t bytes = 0;       // read and written
  int64_t parameters = 0;  // elements of constants and states read here, each counted at its first reader
  int64_t parameter_bytes = 0;
};

struct GraphCost {
  std::vector<NodeCost> nodes;  // in order
  int64_t parameters = 0;       // elements of weights and biases: constants and states of rank >= 1 in float, or integers of a quantized model
  int64_t constant_bytes = 0;   // of all constants and states
  int64_t operations = 0;
  int64_t bytes = 0;
  int64_t peak_bytes = 0;  // most bytes of intermediate values alive at once, inputs and outputs included, in graph order
};

// `sizes` gives the symbolic dimensions of the inputs ("N" → 1); those it does not name are 1. Throws Error for inputs of unknown size.
GraphCost count_cost(const Graph& graph, const std::map<std::string, int64_t, std::less<>>& sizes = {});

}  // namespace omni::runtime
