// Common subexpressions: nodes of one operator with the same inputs and attributes become one; equal small constants too.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool cse(Graph& graph, PassContext& context);

}  // namespace omni::passes
