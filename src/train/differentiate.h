// Reverse-mode differentiation of a graph: gradients are ordinary nodes added to it.
//
// Walks order() backwards from the loss; gradients that meet at a value are summed in the order of the nodes that read it, so the bytes do not
// depend on ids. Nodes that lead from a parameter to the loss and have no rule are expanded into nodes that have one. Nothing flows through values
// that are no floats, nor through operators with the trait kStopsGradient.
#pragma once

#include <span>
#include <vector>

#include "graph/graph.h"

namespace omni::train {

using namespace graph;

// dL/dp for each p of `parameters` (values without producer), of p's type; kNone where the loss does not depend on p. `loss` is an f32 scalar.
// Throws Error: kUnsupported, naming node and operator, where there is no gradient; kInvalidArgument for a loss that is no f32 scalar.
std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> parameters);

}  // namespace omni::train
