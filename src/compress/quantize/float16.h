// FP16 and BF16: half-size constants, float arithmetic. The stored constant keeps its name; a Cast gives the float the nodes read.
#pragma once

#include "graph/pass.h"

namespace omni::compress {

using namespace graph;

// Every f32 constant of rank >= 1 and at least 16 elements becomes `dtype` (kF16 or kBF16). One that holds a finite value beyond the type's range
// stays float, with a note.
void convert_to_half(Graph& graph, DType dtype, PassContext& context);

}  // namespace omni::compress
