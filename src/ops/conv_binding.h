// The f32 convolution kernel bound to a node: Conv and FusedConv differ only in the epilogue.
#pragma once

#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// Types and shapes of Conv's X, W, B (inputs 0 to 2) to its output; fails where they do not fit.
void infer_conv(InferContext& c);
Cost cost_conv(const PlannedNode& n);

struct ConvEpilogue {
  int residual_input = -1;  // added before the clamp; shape and layout of the output
  bool clamp = false;
  float lo = 0, hi = 0;
};

// X and Y channels-last (plain ones are reordered in scratch), W plain. Constant weights are packed now, others at each run.
Binding bind_conv(const PlannedNode& n, const ConvEpilogue& epilogue);

}  // namespace omni::ops
