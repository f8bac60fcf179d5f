// What simplifies a float network without changing what it means, in ONNX's own operators: compression starts from it.
#pragma once

#include <span>

#include "graph/pass.h"

namespace omni::passes {

// fold, batch norm into convolutions, MatMul + Add to Gemm, cse, dce.
std::span<const graph::Pass> canonical_passes();

}  // namespace omni::passes
