#include "passes/fuse/match.h"

namespace omni::passes {

std::optional<double> scalar_constant(const Graph& graph, ValueId id) {
  if (!graph.is_constant(id)) return std::nullopt;
  const Tensor& t = graph.value(id).data;
  if (t.count() != 1 || t.dtype() == DType::kString) return std::nullopt;
  return to_double(t)[0];
}

const Node* sole_user(const Graph& graph, ValueId id) {
  const Value& v = graph.value(id);
  return graph.use_count(id) == 1 && v.uses.size() == 1 ? &graph.node(v.uses[0].node) : nullptr;
}

ValueId other_operand(const Node& n, ValueId id) { return n.inputs[n.inputs[0] == id ? 1 : 0]; }

void replace_value(Graph& graph, ValueId old, const OpDef& op, std::vector<ValueId> inputs, Attributes attributes) {
  const std::string name = graph.value(old).name;
  const std::string node_name = graph.node(graph.value(old).producer).name;
  const ValueId fused = graph.add1(op, std::move(inputs), std::move(attributes), {.name = node_name, .output_names = {name + ".fused"}});
  graph.replace_uses(old, fused);
  graph.erase_node(graph.value(old).producer);
  graph.rename(fused, name);
}

}  // namespace omni::passes
