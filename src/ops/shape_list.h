// Dimensions that a tensor of sizes states, when only its length is known.
#pragma once

#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// One fresh dimension for each element of `list` (at least `least`); nothing where its length is unknown. Fails on more than a tensor can have.
std::optional<std::vector<Dim>> unknown_dims(const InferContext& c, const Type& list, int64_t least = 0);

}  // namespace omni::ops
