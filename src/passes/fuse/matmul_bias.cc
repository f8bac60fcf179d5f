#include "passes/fuse/matmul_bias.h"

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

bool fuse_one(Graph& graph, NodeId id) {
  const Node& add = graph.node(id);
  if (add.op != &ops::kAdd) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId product = add.inputs[side], bias = add.inputs[1 - side];
    const Node* matmul = graph.producer(product, ops::kMatMul);
    if (matmul == nullptr || graph.use_count(product) != 1 || !graph.is_constant(bias)) continue;
    const Type &x = graph.type(matmul->inputs[0]), &w = graph.type(matmul->inputs[1]), &b = graph.type(bias);
    if (x.rank() != 2 || !x.ranked || w.rank() != 2 || b.rank() != 1 || b.dim(0) != w.dim(1) || x.dtype != DType::kF32) continue;
    replace_value(graph, add.outputs[0], ops::kGemm, {matmul->inputs[0], matmul->inputs[1], bias}, {}, matmul->name);
    return true;
  }
  return false;
}

}  // namespace

bool fuse_matmul_bias(Graph& graph, PassContext&) { return rewrite_nodes(graph, fuse_one); }

}  // namespace omni::passes
