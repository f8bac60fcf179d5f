// What ConvInteger and QConv share: their shapes.
#pragma once

#include "kernels/conv_int8/conv_int8.h"
#include "ops/op_list.h"

namespace omni::ops {

// The type of the convolution of x (input 0) by w (input 1). Fails where they do not fit together.
Type infer_conv_int8(const InferContext& c, DType dtype);

// One or two spatial dimensions; more are unsupported.
kernels::ConvInt8Shape conv_int8_shape(const PlannedNode& n);

}  // namespace omni::ops
