// An order of nodes that keeps few bytes alive.
//
// The order of a graph (Graph::order) follows outputs and commits one after the other. For inference that is good; in training it first computes the
// gradients of all activations, down to the first parameter's, and then those of the parameters, so that all of them are alive at once. Three
// orders are compared: the graph's; the same with the commits from the last to the first, which takes each gradient as soon as it is there; and a greedy
// one, which always takes the node that leaves least alive. Results are the same bytes in any order.
#pragma once

#include "passes/liveness.h"

namespace omni::passes {

struct Schedule {
  std::vector<NodeId> order;
  int64_t peak_bytes = 0;   // most bytes alive at one step
  int64_t before_bytes = 0;  // the same in the graph's order
};

// Of a graph whose shapes are all numbers (sized()); the graph's own order where they are not.
Schedule schedule(const Graph& sized);

}  // namespace omni::passes
