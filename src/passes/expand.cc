#include "passes/expand.h"

#include <algorithm>

#include "core/error.h"
#include "ops/op_list.h"
#include "passes/expand_for_runtime.h"

namespace omni::passes {

void expand_node(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  const std::vector<ValueId> outputs = n.outputs;
  const std::vector<ValueId> results = n.op->expand(graph, n);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == kNone) continue;
    if (i >= results.size() || results[i] == kNone) throw Error(ErrorCode::kInternal, "the expansion of " + op_text(*n.op) + " lacks an output", n.name);
    const std::string name = graph.value(outputs[i]).name;
    graph.replace_uses(outputs[i], results[i]);
    if (graph.value(results[i]).kind == ValueKind::kResult) {
      graph.rename(outputs[i], name + ".composite");
      graph.rename(results[i], name);
    }
  }
  graph.erase_node(id);
}

bool expand(Graph& graph, PassContext& context) {
  bool any = false;
  for (bool again = true; again;) {
    again = false;
    for (const NodeId id : graph.order()) {
      const Node& n = graph.node(id);
      for (const auto& body : n.bodies) any |= expand(*body, context);
      if (n.op->bind != nullptr || n.op->produce != nullptr || n.op->has(kView) || n.op->expand == nullptr) continue;
      expand_node(graph, id);
      any = again = true;
    }
  }
  return any;
}

void expand_for_runtime(Graph& graph) {
  for (bool again = true; again;) {
    again = false;
    for (const NodeId id : graph.order()) {
      for (const auto& body : graph.node(id).bodies) expand_for_runtime(*body);
      const Node& n = graph.node(id);
      if (n.op->expand == nullptr || ops::find_runtime_op(n.op->domain, n.op->name) != nullptr) continue;
      expand_node(graph, id);
      again = true;
    }
  }
}

bool expand_quantized(Graph& graph, PassContext& context) {
  bool any = false;
  const auto is_byte = [&](ValueId id) { return id != kNone && (graph.type(id).dtype == DType::kI8 || graph.type(id).dtype == DType::kU8); };
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    for (const auto& body : n.bodies) any |= expand_quantized(*body, context);
    if (n.op->bind != nullptr || n.op->produce != nullptr || n.op->expand == nullptr || n.op->has(kQuantTransparent)) continue;
    if (!std::any_of(n.inputs.begin(), n.inputs.end(), is_byte)) continue;
    expand_node(graph, id);
    any = true;
  }
  return any;
}

}  // namespace omni::passes
