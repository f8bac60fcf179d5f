// Transposes that need not move anything:
//   two in a row become one, or none; one that only moves dimensions of size 1 becomes Reshape;
//   one behind element-wise nodes all of whose operands are transposed, constant or of one element meets the Transposes before them;
//   an element-wise node of two operands transposed alike is transposed itself instead;
//   one that exchanges the last two dimensions of an operand of MatMul, FusedMatMul or Gemm becomes the product's attribute (f32).
#pragma once

#include "graph/pass.h"

namespace omni::passes {

using namespace graph;

bool eliminate_transposes(Graph& graph, PassContext& context);

}  // namespace omni::passes
