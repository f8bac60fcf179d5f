#include "passes/cse.h"

#include <map>

namespace omni::passes {

namespace {

// Larger equal constants are rare and dear to compare; packages share their sections anyway.
constexpr size_t kMaxConstant = 4096;

bool merge_constants(Graph& graph) {
  std::map<std::string, ValueId> seen;
  bool any = false;
  for (const ValueId id : graph.constants()) {
    const Value& v = graph.value(id);
    if (v.role != Role::kConstant || v.data.bytes() > kMaxConstant || graph.is_output(id)) continue;
    std::string key = type_text(v.type, graph.dims()) + std::string(layout_name(v.layout));
    key.append(static_cast<const char*>(v.data.data()), v.data.bytes());
    const auto [it, fresh] = seen.try_emplace(std::move(key), id);
    if (fresh) continue;
    graph.replace_uses(id, it->second);
    graph.erase_value(id);
    any = true;
  }
  return any;
}

bool same(const Node& a, const Node& b) {
  return a.op == b.op && a.inputs == b.inputs && a.outputs.size() == b.outputs.size() && a.attributes.equal(b.attributes);
}

}  // namespace

bool cse(Graph& graph, PassContext& context) {
  bool any = merge_constants(graph);
  std::map<std::pair<const OpDef*, std::vector<ValueId>>, std::vector<NodeId>> seen;
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    for (const auto& body : n.bodies) any |= cse(*body, context);
    if (n.op->has(kRandom) || n.op->has(kSideEffect) || !n.bodies.empty()) continue;
    std::vector<NodeId>& twins = seen[{n.op, n.inputs}];
    NodeId twin = kNone;
    for (const NodeId candidate : twins) {
      if (same(graph.node(candidate), n)) twin = candidate;
    }
    if (twin == kNone) {
      twins.push_back(id);
      continue;
    }
    const Node& first = graph.node(twin);
    bool mergeable = true;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] == kNone) continue;
      // Two graph outputs keep their names; a wanted output of the second must exist in the first, in the same layout.
      mergeable &= first.outputs[i] != kNone && !graph.is_output(n.outputs[i]) && graph.value(first.outputs[i]).layout == graph.value(n.outputs[i]).layout;
    }
    if (!mergeable) continue;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) graph.replace_uses(n.outputs[i], first.outputs[i]);
    }
    graph.erase_node(id);
    any = true;
  }
  return any;
}

}  // namespace omni::passes
