// Input gradient by columns: dy times the weights gives the contribution of each output pixel to its window, which is then added into dx.
//
// Unlike the convolution with the kernel turned around it wastes nothing on borders and on narrow inputs, but it adds taps * in_c values per output
// pixel.
#pragma once

#include <cstdint>

#include "core/isa.h"
#include "kernels/conv/conv.h"

namespace omni::kernels {

// Whether it is expected to be faster, by the shape alone.
bool input_grad_by_columns(core::Isa isa, const ConvShape& shape);
int64_t input_grad_columns_scratch_floats(core::Isa isa, const ConvShape& shape);
void run_input_grad_columns(core::Isa isa, const ConvGradArgs& args, core::ThreadPool& pool) noexcept;

}  // namespace omni::kernels
