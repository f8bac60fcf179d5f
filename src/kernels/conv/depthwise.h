// Depthwise convolution (one input and one output channel a group): the rows kernel of each instruction set.
//
// Channels are the vector; a strip of output pixels keeps its sums in registers while the taps pass. Weights are packed [tap][channels].
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "kernels/conv/conv.h"

namespace omni::kernels {

// One output row, channels [c0, c1), from input rows lines[kernel_h] (null where the row is outside).
struct DepthwiseRow {
  const ConvShape* shape;
  const float* const* lines;  // start of the input row, channel 0
  const float* weights;       // [kernel_h][kernel_w][channels]
  const float* bias;          // or null
  const float* residual;      // this output row, or null
  float* y;                   // this output row
  int64_t c0, c1;
  bool clamp;
  float lo, hi;
};

// Weight gradient of some output rows of one image: adds dy * x into dw[tap][channels] for channels [c0, c1).
struct DepthwiseGradRow {
  const ConvShape* shape;
  const float* const* lines;
  const float* dy;
  float* dw;
  int64_t c0, c1;
};

// One row of the input gradient, channels [c0, c1), from rows lines[kernel_h] of dy (null where a tap reaches no output row).
struct DepthwiseInputGradRow {
  const ConvShape* shape;
  const float* const* lines;
  const float* weights;  // [kernel_h][kernel_w][channels]
  float* dx;             // this input row
  int64_t c0, c1;
};

struct DepthwiseKernels {
  void (*row)(const DepthwiseRow&) noexcept;
  void (*input_grad_row)(const DepthwiseInputGradRow&) noexcept;
  void (*weight_grad_row)(const DepthwiseGradRow&) noexcept;
};

const DepthwiseKernels& depthwise_kernels(core::Isa isa);

}  // namespace omni::kernels
