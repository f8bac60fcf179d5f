// Products with weights that are stored in 4 or 8 bits by blocks become ai.omni.BlockMatMul, which reads them as they are; f32.
//   MatMul, FusedMatMul or Gemm (x, W) [+ bias], W = DequantizeLinear of a constant matrix whose blocks lie along the summed dimension, perhaps through
//   Cast (to f16 and back to f32), Transpose and a Slice that cuts the padding of the last block off
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_block_weights(Graph& graph, PassContext& context);

}  // namespace omni::passes
