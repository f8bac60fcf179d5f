// Gradient rules by operator. grad_list.inc has one line a rule (`OMNI_GRAD(kSoftmaxGradient)`); the symbol stands in the operator's file.
#pragma once

#include "graph/grad_def.h"

namespace omni::ops {

#define OMNI_GRAD(id) extern const graph::GradDef id;
#include "train/grad_list.inc"
#undef OMNI_GRAD

}  // namespace omni::ops

namespace omni::train {

// The rule of an operator, or nullptr.
const graph::GradDef* find_gradient(const graph::OpDef& op);

}  // namespace omni::train
