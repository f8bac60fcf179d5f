// What all plans of a session share: the nodes that are needed, in order, and who reads what last.
#include <algorithm>
#include <limits>

#include "core/error.h"
#include "runtime/plan.h"

namespace omni::runtime {

namespace {

std::vector<NodeId> needed_nodes(const Graph& graph, const std::vector<NodeId>& order) {
  std::vector<bool> read(graph.value_count(), false);
  const auto mark = [&](ValueId id) {
    if (id != kNone) read[id] = true;
  };
  for (const ValueId id : graph.outputs()) mark(id);
  for (const Commit& c : graph.commits()) {
    mark(c.next);
    mark(c.guard);
  }
  std::vector<NodeId> needed;
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    const Node& n = graph.node(*it);
    const bool wanted = n.op->has(kSideEffect) || std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) { return v != kNone && read[v]; });
    if (!wanted) continue;
    needed.push_back(*it);
    for (const ValueId id : n.inputs) mark(id);
  }
  std::reverse(needed.begin(), needed.end());
  return needed;
}

bool all_tensors(const Graph& graph, const Node& node) {
  const auto tensor = [&](ValueId id) { return id == kNone || graph.type(id).kind == TypeKind::kTensor; };
  return std::all_of(node.inputs.begin(), node.inputs.end(), tensor) && std::all_of(node.outputs.begin(), node.outputs.end(), tensor);
}

bool can_run(const Graph& graph, const Node& node) {
  const OpDef& op = *node.op;
  if (op.has(kControlFlow) || !node.bodies.empty()) return op.control != nullptr;
  if (!all_tensors(graph, node)) return op.has(kTakesSequences);
  return op.bind != nullptr || op.produce != nullptr || op.has(kView);
}

void require_runnable(const Graph& graph, std::span<const NodeId> order) {
  std::string list;
  size_t count = 0;
  for (const NodeId id : order) {
    const Node& n = graph.node(id);
    if (can_run(graph, n)) continue;
    ++count;
    list += list.empty() ? "" : ", ";
    list += op_text(*n.op);
    if (!n.name.empty()) list += " " + quoted(n.name);
  }
  if (count == 0) return;
  throw Error(ErrorCode::kUnsupported,
              (count == 1 ? "no kernel for this node: " : "no kernel for these " + std::to_string(count) + " nodes: ") + list,
              "graph " + quoted(graph.name()));
}

}  // namespace

Model make_model(std::shared_ptr<const Graph> shared, Isa isa, Arrangement arrangement) {
  const Graph& graph = *shared;
  Model m;
  m.graph = std::move(shared);
  m.isa = isa;
  m.order = needed_nodes(graph, arrangement.order.empty() ? graph.order() : arrangement.order);
  m.unpacked = std::move(arrangement.unpacked);
  require_runnable(graph, m.order);
  m.bindings.resize(graph.node_count());
  m.last_position.assign(graph.value_count(), -1);
  m.input_index.assign(graph.value_count(), kNone);
  m.state_index.assign(graph.value_count(), kNone);
  for (size_t i = 0; i < m.order.size(); ++i) {
    for (const ValueId id : graph.node(m.order[i]).inputs) {
      if (id != kNone) m.last_position[id] = static_cast<int32_t>(i);
    }
  }
  const auto forever = [&](ValueId id) {
    if (id != kNone) m.last_position[id] = std::numeric_limits<int32_t>::max();
  };
  for (const ValueId id : graph.outputs()) forever(id);
  for (const Commit& c : graph.commits()) {
    forever(c.next);
    forever(c.guard);
  }
  for (size_t i = 0; i < graph.inputs().size(); ++i) m.input_index[graph.inputs()[i]] = static_cast<uint32_t>(i);
  m.states = graph.states();
  for (size_t i = 0; i < m.states.size(); ++i) m.state_index[m.states[i]] = static_cast<uint32_t>(i);
  return m;
}

}  // namespace omni::runtime
