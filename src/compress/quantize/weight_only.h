// Weight-only quantization: small weights on disk, float arithmetic.
//
// INT8 is i8 per output channel with DequantizeLinear; INT4 is u4 in groups along the contracted axis with f16 scales:
// DequantizeLinear (blocked, opset 21) → Cast, and for convolutions → Reshape, since their weights are stored as a matrix [out, in/groups·taps].
// INT3 is the same with eight of the sixteen levels, since ONNX has no type of three bits.
#pragma once

#include "compress/quantize/blocks.h"
#include "compress/quantize/targets.h"
#include "graph/pass.h"

namespace omni::compress {

void quantize_weights_int8(Graph& graph, PassContext& context);

struct BlockOptions {
  int64_t group = 32;
  int bits = 4;                // or 3
  bool keep_ends_int8 = true;  // first and last layers and embeddings in INT8
  BlockChoice choice = BlockChoice::kHalfQuadratic;

  int levels() const { return (1 << bits) - 1; }
};

// Without data: each block for itself. Depthwise weights, and with keep_ends_int8 the first and the last layer and embeddings, become INT8, with a note.
void quantize_weights_blocks(Graph& graph, const BlockOptions& options, PassContext& context);

// The parts of it, for methods that round with data.
// The weights that will be blocks; the others have become INT8.
std::vector<WeightTarget> block_targets(Graph& graph, const BlockOptions& options, PassContext& context);
// The same without changing anything.
std::vector<WeightTarget> planned_block_targets(const Graph& graph, const BlockOptions& options);
// A target's weights as a matrix [output, contracted].
Tensor weight_matrix(const Graph& graph, const WeightTarget& target);
void store_blocks(Graph& graph, const WeightTarget& target, BlockWeights blocks);

}  // namespace omni::compress
