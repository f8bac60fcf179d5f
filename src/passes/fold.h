// Constant folding: nodes of constants are run once; shape arithmetic that inference already knows becomes a constant.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

// Never folds across a state, nor into a constant larger than its inputs together by more than 1 MiB (a ConstantOfShape would bloat the file).
bool fold(Graph& graph, PassContext& context);

}  // namespace omni::passes
