// Quantize/dequantize pairs become integer execution: a float operator whose inputs are dequantized and whose result is quantized again
// is replaced by the ai.omni Q operator that computes the same from byte to byte (docs/numerics.md has the arithmetic).
//
//   Conv, Gemm, MatMul         QConv, QGemm, QMatMul, with Relu and Clip as a narrower clamp; a result nobody quantizes stays f32
//   Add after a convolution    a residual of QConv; other Add and Mul: QAdd, QMul
//   AveragePool, GlobalAveragePool, ReduceMean over the picture, MaxPool
//   Concat                     QConcat
//   elementwise of one input   QLookup, a table of 256 entries
//   trait kQuantTransparent    runs on the bytes; the DequantizeLinear moves behind it
//
// What stays in float although it touches quantized tensors is listed in context.notes, with its reason.
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool lower_qdq(Graph& graph, PassContext& context);

}  // namespace omni::passes
