// Binds a reduction of input 0 to output 0 in whatever layouts the two have.
#pragma once

#include "kernels/reduce/reduce.h"
#include "ops/op_list.h"

namespace omni::ops {

// out_dims[a]: which output dimension the input's axis a becomes (in ONNX order), -1 where it is summed away. Throws Error for element types
// without a kernel.
Binding bind_reduction(const PlannedNode& n, kernels::ReduceOp op, std::span<const int> out_dims);

}  // namespace omni::ops
