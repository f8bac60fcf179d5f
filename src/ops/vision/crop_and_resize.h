// Resize with coordinate_transformation_mode tf_crop_and_resize: the region of interest comes with every run.
#pragma once

#include "graph/op_def.h"
#include "kernels/resize/resize.h"

namespace omni::ops {

using namespace graph;

// X (input 0), roi (input 1: a start and an end for each of `axes`, as shares of the last index); what lies outside X is extrapolation_value.
Binding bind_crop_and_resize(const PlannedNode& n, const std::vector<int>& axes, const kernels::ResizeOptions& options);

}  // namespace omni::ops
