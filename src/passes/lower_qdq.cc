#include "passes/lower_qdq.h"

#include "passes/lower_qdq_rules.h"

namespace omni::passes {

bool is_op(const Node& node, std::string_view name) { return node.op->domain.empty() && node.op->name == name; }

bool QdqRewriter::run() {
  bool quantized = false;
  const std::vector<NodeId> order = graph_.order();
  for (const NodeId id : order) quantized |= is_op(graph_.node(id), "QuantizeLinear") || is_op(graph_.node(id), "DequantizeLinear");
  if (!quantized) return false;
  bool changed = false;
  for (const NodeId id : order) {
    if (!graph_.node(id).erased) changed |= lower(id);
  }
  graph_.erase_dead();
  for (const NodeId id : graph_.order()) {
    if (graph_.node(id).op == &ops::kQAdd) changed |= residual(id);
  }
  graph_.erase_dead();
  for (const NodeId id : graph_.order()) {
    if (is_op(graph_.node(id), "QuantizeLinear")) changed |= pixels(id);
  }
  changed |= graph_.erase_dead();
  note_floats();
  return changed;
}

bool QdqRewriter::lower(NodeId id) {
  const Node& n = graph_.node(id);
  if (!n.op->domain.empty() || n.outputs.empty() || n.outputs[0] == kNone || graph_.use_count(n.outputs[0]) == 0) return false;
  if (n.op == &ops::kConv) return conv(id);
  if (is_op(n, "Gemm")) return gemm(id);
  if (is_op(n, "MatMul")) return matmul(id);
  if (is_op(n, "QuantizeLinear")) return requantize(id);
  if (is_op(n, "MaxPool")) return max_pool(id);
  if (is_op(n, "AveragePool")) return pool(id, ops::kQAveragePool);
  if (is_op(n, "GlobalAveragePool")) return pool(id, ops::kQGlobalAveragePool);
  if (is_op(n, "ReduceMean")) return mean(id);
  if (is_op(n, "Concat")) return concat(id);
  if (is_op(n, "Add") && binary(id, ops::kQAdd)) return true;
  if (is_op(n, "Mul") && binary(id, ops::kQMul)) return true;
  if (n.op->has(kElementwise) && lookup(id)) return true;
  if (is_op(n, "Pad")) return pad(id);
  if (n.op->has(kQuantTransparent)) return transparent(id);
  return false;
}

bool QdqRewriter::reason(NodeId id, std::string text) {
  reasons_[id] = std::move(text);
  return false;
}

// Nodes that compute in float although bytes come in or go out.
void QdqRewriter::note_floats() {
  for (const NodeId id : graph_.order()) {
    const Node& n = graph_.node(id);
    if (n.op->domain == "ai.omni" || is_op(n, "QuantizeLinear") || is_op(n, "DequantizeLinear")) continue;
    bool touches = false;
    for (const ValueId v : n.inputs) touches |= v != kNone && dequantized(v).has_value();
    if (!touches) continue;
    const auto found = reasons_.find(id);
    const std::string name = n.name.empty() ? graph_.value(n.outputs[0]).name : n.name;
    context_.notes.push_back(op_text(*n.op) + " " + quoted(name) +
                             " stays in float: " + (found == reasons_.end() ? "it has no integer form" : found->second));
  }
}

bool lower_qdq(Graph& graph, PassContext& context) {
  bool changed = QdqRewriter(graph, context).run();
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    for (const auto& body : graph.node(id).bodies) changed |= lower_qdq(*body, context);
  }
  return changed;
}

}  // namespace omni::passes
