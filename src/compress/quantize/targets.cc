#include "compress/quantize/targets.h"

#include <set>

#include "ops/op_list.h"

namespace omni::compress {

namespace {

int output_axis(const Node& node, const Type& weight) {
  if (node.op == &ops::kGemm) return node.attributes.get_int("transB", 0) != 0 ? 0 : 1;
  if (node.op == &ops::kMatMul) return weight.rank() - 1;
  return 0;
}

bool is_depthwise(const Node& node, const Type& weight) {
  return node.op == &ops::kConv && weight.rank() >= 3 && node.attributes.get_int("group", 1) > 1 && weight.dim(1) == Dim(1);
}

}  // namespace

std::vector<WeightTarget> weight_targets(const Graph& graph) {
  std::vector<WeightTarget> targets;
  std::set<ValueId> seen;
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ParamKind kind = n.op->input_formal(static_cast<int>(i)).param;
      const ValueId v = n.inputs[i];
      if ((kind != ParamKind::kWeight && kind != ParamKind::kTable) || !graph.is_constant(v)) continue;
      const Type& type = graph.type(v);
      if (type.dtype != DType::kF32 || type.rank() < 2 || !seen.insert(v).second) continue;
      targets.push_back({id, static_cast<uint32_t>(i), v, output_axis(n, type), is_depthwise(n, type), kind == ParamKind::kTable});
    }
  }
  return targets;
}

void replace_weight(Graph& graph, ValueId weight, ValueId stored, ValueId replacement) {
  const std::string name = graph.value(weight).name;
  graph.replace_uses(weight, replacement);
  graph.erase_value(weight);
  graph.rename(stored, name);
}

}  // namespace omni::compress
