// Products with weights that are stored in 4 or 8 bits by blocks become ai.omni.BlockMatMul, which reads them as they are; f32.
//   MatMul, FusedMatMul or Gemm (x, W) [+ bias], W = DequantizeLinear of a constant matrix whose blocks lie along the summed dimension, perhaps through
//   Cast (to f16 and back to f32), Transpose and a Slice that cuts the padding of the last block off
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

// Where all such weights of the graph would as floats be more than a last-level cache holds (kCacheBytes): below it decoding once is faster.
bool fuse_block_weights(Graph& graph, PassContext& context);
// Whatever their size.
bool fuse_all_block_weights(Graph& graph, PassContext& context);

// One row through weights of 256 x 256 to 1024 x 1024 takes 2.4 times as long stored as decoded, 1.8 times at 2048 x 2048 (16 MB of floats), 0.85 times
// at 4096 x 4096 (64 MB), with 32 MB of third-level cache; more rows never gain time.
inline constexpr int64_t kCacheBytes = int64_t{32} << 20;

}  // namespace omni::passes
