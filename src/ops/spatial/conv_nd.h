// Convolutions that the f32 picture kernels do not do: three spatial dimensions, and f64. Windows are gathered into rows, a few thousand output
// positions at a time, and multiplied; tensors may be plain or channels-last.
#pragma once

#include "ops/conv_binding.h"
#include "ops/window.h"

namespace omni::ops {

// Whether a node with this X is for these: f64, or three spatial dimensions.
bool is_conv_nd(const PlannedValue& x);

// Conv and FusedConv: inputs X, W, B.
Binding bind_conv_nd(const PlannedNode& n, const ConvEpilogue& epilogue);

// The convolution's gradients for the window that the node's attributes and these shapes give. dX from (dY, W); dW and, where the node has output 1,
// dB from (dY, X).
Binding bind_input_grad_nd(const PlannedNode& n);
Binding bind_weight_grad_nd(const PlannedNode& n);

// ConvTranspose with its padding resolved: `window` is that of the convolution from Y to X; inputs X, W, B.
Binding bind_conv_transpose_nd(const PlannedNode& n, const Window& window);

}  // namespace omni::ops
