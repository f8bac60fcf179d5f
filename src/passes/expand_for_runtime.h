// What a package holds: operators of the device runtime alone.
#pragma once

#include "graph/graph.h"

namespace omni::passes {

// Spells out the operators that the device runtime does not have (ops/composite_op_list.inc), in bodies too.
void expand_for_runtime(graph::Graph& graph);

}  // namespace omni::passes
