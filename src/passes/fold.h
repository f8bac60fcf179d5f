// Constant folding: nodes of constants are run once; shape arithmetic that inference already knows becomes a constant.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

// Never folds across a state, nor into a constant larger than its inputs together by more than 1 MiB (a ConstantOfShape would bloat the file), nor
// a weight that is stored small (DequantizeLinear, Cast to a wider type): that would undo compression and hide integers from lower_qdq.
bool fold(Graph& graph, PassContext& context);

// What fold() left for lower_qdq and nobody took: weights become the floats that kernels read. A session runs it; files never see it.
bool decode_weights(Graph& graph, PassContext& context);

}  // namespace omni::passes
