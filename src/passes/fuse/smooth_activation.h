// GELU (Hendrycks, Gimpel 2016; by erf or tanh), Swish (x · sigmoid(alpha x)) and HardSwish, spelled in primitives, become one node each; f32.
// Constants may differ from the exact ones by 2e-5 of them: exporters round them.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_smooth_activation(Graph& graph, PassContext& context);

}  // namespace omni::passes
