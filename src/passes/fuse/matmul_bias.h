// Add(MatMul(x[M,K], w[K,N]), b[N]) with constant w and b is Gemm(x, w, b).
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_matmul_bias(Graph& graph, PassContext& context);

}  // namespace omni::passes
