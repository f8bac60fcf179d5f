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

void replace_value(Graph& graph, ValueId old, const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, std::string node_name) {
  const std::string name = graph.value(old).name;
  const NodeId producer = graph.value(old).producer;
  if (node_name.empty()) node_name = graph.node(producer).name;
  const ValueId fused = graph.add1(op, std::move(inputs), std::move(attributes), {.name = std::move(node_name), .output_names = {name + ".fused"}});
  graph.replace_uses(old, fused);
  graph.erase_node(producer);
  graph.rename(fused, name);
}

bool rewrite_nodes(Graph& graph, bool (*rule)(Graph&, NodeId)) {
  bool any = false;
  for (const NodeId id : graph.order()) {
    for (const auto& body : graph.node(id).bodies) any |= rewrite_nodes(*body, rule);
    any |= !graph.node(id).erased && rule(graph, id);
  }
  if (any) graph.erase_dead();
  return any;
}

}  // namespace omni::passes
