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

namespace {

// Expands the nodes that `wanted` names, and those that come out, in bodies too.
bool expand_where(Graph& graph, bool (*wanted)(const Graph&, const Node&)) {
  bool any = false;
  for (bool again = true; again;) {
    again = false;
    for (const NodeId id : graph.order()) {
      const Node& n = graph.node(id);
      for (const auto& body : n.bodies) any |= expand_where(*body, wanted);
      if (n.op->expand == nullptr || !wanted(graph, n)) continue;
      expand_node(graph, id);
      any = again = true;
    }
  }
  return any;
}

bool takes_bytes(const Graph& graph, const Node& n) {
  const auto is_byte = [&](ValueId id) { return id != kNone && (graph.type(id).dtype == DType::kI8 || graph.type(id).dtype == DType::kU8); };
  return std::any_of(n.inputs.begin(), n.inputs.end(), is_byte);
}

bool has_kernel(const Node& n) { return n.op->bind != nullptr || n.op->produce != nullptr; }

}  // namespace

bool expand(Graph& graph, PassContext&) {
  return expand_where(graph, [](const Graph&, const Node& n) { return !has_kernel(n) && !n.op->has(kView); });
}

void expand_for_runtime(Graph& graph) {
  expand_where(graph, [](const Graph&, const Node& n) { return ops::find_runtime_op(n.op->domain, n.op->name) == nullptr; });
}

bool expand_quantized(Graph& graph, PassContext&) {
  return expand_where(graph, [](const Graph& g, const Node& n) { return !has_kernel(n) && !n.op->has(kQuantTransparent) && takes_bytes(g, n); });
}

}  // namespace omni::passes
