// An If whose condition is constant becomes the body of the branch that is taken; constants that a body captures become its own.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

// Folds what that settles, and goes on until nothing changes. Bodies included.
bool inline_if(Graph& graph, PassContext& context);

// Constants around a body that it captures, as constants inside (their bytes are shared): kernels there pack them once. For planning only.
bool sink_constants(Graph& graph, PassContext& context);

}  // namespace omni::passes
