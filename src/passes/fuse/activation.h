// Bias, residual and activation into the product before them: Conv → Add(residual) → Relu | Clip becomes FusedConv; Gemm, or MatMul of a stack with one
// matrix → Add(bias), → Add(residual) → Relu | Clip becomes FusedGemm.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_activation(Graph& graph, PassContext& context);

}  // namespace omni::passes
