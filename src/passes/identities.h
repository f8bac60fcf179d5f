// Nodes whose result is their input go: Identity, Cast to the type it has, Reshape and Expand to the shape it has. Patterns behind them see through.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool drop_identities(Graph& graph, PassContext& context);

}  // namespace omni::passes
