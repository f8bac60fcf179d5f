// BatchNormalization (inference form) after Conv or Gemm goes into their weights: w' = w·γ/√(σ²+ε), b' = (b − μ)·γ/√(σ²+ε) + β, in double.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_batch_norm(Graph& graph, PassContext& context);

}  // namespace omni::passes
