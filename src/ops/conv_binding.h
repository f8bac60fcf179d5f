// The f32 convolution kernel bound to a node: Conv and FusedConv differ only in the epilogue.
#pragma once

#include "graph/op_def.h"
#include "kernels/conv/conv.h"

namespace omni::ops {

using namespace graph;

// Types and shapes of Conv's X, W, B (inputs 0 to 2) to its output; fails where they do not fit.
void infer_conv(InferContext& c);
// The same for a convolution whose inputs stand elsewhere; x and w are ranked, `bias` may be null.
Type conv_type(InferContext& c, const Type& x, const Type& w, const Type* bias);
Cost cost_conv(const PlannedNode& n);

// The kernel's shape from the node's attributes, for X and W of these shapes (ONNX order).
kernels::ConvShape conv_shape(const PlannedNode& n, const Shape& x, const Shape& w);

struct ConvEpilogue {
  int residual_input = -1;  // added before the clamp; shape and layout of the output
  bool clamp = false;
  float lo = 0, hi = 0;
};

// X and Y channels-last (plain ones are reordered in scratch), W plain. Constant weights are packed now, others at each run.
Binding bind_conv(const PlannedNode& n, const ConvEpilogue& epilogue);

}  // namespace omni::ops
