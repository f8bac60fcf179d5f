// What a gradient operator checks first: that its inputs belong to a legal node of the operator that it is the gradient of.
#pragma once

#include <initializer_list>

#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// The type of the first output of `forward` on these inputs of `c`, with the attributes of `c`. Fails as the forward operator does.
Type forward_type(const InferContext& c, const OpDef& forward, std::initializer_list<int> inputs);

// Fails unless input i may have the shape of `type`.
void require_shape_of(const InferContext& c, int i, const Type& type);

}  // namespace omni::ops
