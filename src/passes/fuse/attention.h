// Attention spelled in primitives becomes ai.omni.FusedAttention, which never holds the matrix of scores; f32.
//   MatMul(Softmax(scores), V), scores = MatMul(Q, Kᵀ) scaled by constants (on the product, on Q, on Kᵀ), with at most one bias (Add) and one mask
//   (Where with a constant), in either order; the softmax may be replaced by zeros in rows that are minus infinity everywhere.
// Taken along where they are there: the Transposes of Q, K, V and of the result that leave rows whole, Kᵀ as Reshape–Transpose–Reshape, heads of K and V
// that are repeated for groups of queries (Unsqueeze, Expand or Tile, Reshape: the groups become a dimension that is broadcast).
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_attention(Graph& graph, PassContext& context);

}  // namespace omni::passes
