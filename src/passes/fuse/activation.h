// Bias, residual and activation into the product before them: Conv → Add(residual) → Relu | Clip becomes FusedConv, Gemm → Relu | Clip FusedGemm.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_activation(Graph& graph, PassContext& context);

}  // namespace omni::passes
