// Layer normalization and its root-mean-square form, spelled in primitives (by an exporter, or by the expansion of LayerNormalization,
// RMSNormalization, InstanceNormalization and GroupNormalization), become ai.omni.NormalizeRows: two passes over a row instead of ten over the tensor.
//   d = x - ReduceMean(x);  d / Sqrt(ReduceMean(d * d) + epsilon) [* scale [+ shift]]         (Pow(d, 2) for d * d; * Reciprocal(·), * 1 / · for / ·)
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool fuse_layer_norm(Graph& graph, PassContext& context);

}  // namespace omni::passes
