// A node's kernel, also for the half types that it has no kernel for: those are computed in f32 and rounded once, at the end.
#pragma once

#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// What op.bind gives; where that refuses (kUnsupported) and the node has f16 or bf16 tensors, the same kernel bound to f32 with conversions before and
// after it. Throws the operator's own Error.
Binding bind_node(const PlannedNode& node);

// The operator's cost; where it gives none, one operation per output element; bytes as read and written.
Cost node_cost(const PlannedNode& node);

}  // namespace omni::ops
