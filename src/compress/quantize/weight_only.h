// Weight-only quantization: small weights on disk, float arithmetic.
//
// INT8 is i8 per output channel with DequantizeLinear; INT4 is u4 in groups along the contracted axis with f16 scales:
// DequantizeLinear (blocked, opset 21) → Cast, and for convolutions → Reshape, since their weights are stored as a matrix [out, in/groups·taps].
#pragma once

#include "graph/pass.h"

namespace omni::compress {

using namespace graph;

void quantize_weights_int8(Graph& graph, PassContext& context);

struct Int4Options {
  int64_t group = 32;
  bool keep_ends_int8 = true;  // first and last layers and embeddings in INT8
};

// Depthwise weights, and with keep_ends_int8 the first and the last layer and embeddings, become INT8, with a note.
void quantize_weights_int4(Graph& graph, const Int4Options& options, PassContext& context);

}  // namespace omni::compress
