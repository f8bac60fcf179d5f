// Dynamic INT8: weights INT8 per output channel, activations quantized at run time.
//
// DynamicQuantizeLinear(x) → MatMulInteger | ConvInteger → Cast → Mul(scale of x · scales of w) → Add(bias): ONNX as other engines run it.
#pragma once

#include "graph/pass.h"

namespace omni::compress {

using namespace graph;

// Conv (one group, constant weights), Gemm (alpha = beta = 1, A as it is) and MatMul by a constant matrix. The others stay, with a note.
void quantize_dynamic(Graph& graph, PassContext& context);

}  // namespace omni::compress
