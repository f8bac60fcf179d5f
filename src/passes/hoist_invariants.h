// What a Loop carries through its body unchanged is captured instead: constants among them then move inside (sink_constants), where products pack
// them once, and none is copied an iteration. TensorFlow's loops carry their weights.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool hoist_invariants(Graph& graph, PassContext& context);

}  // namespace omni::passes
