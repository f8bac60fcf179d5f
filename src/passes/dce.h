// Dead code: nodes nobody reads, constants and states nobody reads.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool dce(Graph& graph, PassContext& context);

}  // namespace omni::passes
