// Chooses the physical order of every value: channels-last around the operators that want it, Reorder where two disagree.
//
// Shapes and meaning do not change, only tags. Graph inputs, outputs, states and commits stay plain. Runs after `differentiate`.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool layout(Graph& graph, PassContext& context);

}  // namespace omni::passes
