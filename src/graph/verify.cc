#include <algorithm>
#include <set>

#include "core/error.h"
#include "graph/graph.h"

namespace omni::graph {

namespace {

[[noreturn]] void broken(const Graph& graph, std::string summary, std::string_view what) {
  throw Error(ErrorCode::kInternal, std::move(summary), "graph " + quoted(graph.name()) + ", " + quoted(what));
}

void verify_attributes(const Node& node) {
  for (const AttributeDef& def : node.op->attributes) {
    const AttributeValue* value = node.attributes.find(def.name);
    const std::string where = op_text(*node.op) + " node " + quoted(node.name);
    if (value == nullptr) {
      if (def.required) throw Error(ErrorCode::kInvalidData, "attribute " + quoted(def.name) + " is required", where);
    } else if (value->index() != static_cast<size_t>(def.kind)) {
      throw Error(ErrorCode::kInvalidData, "attribute " + quoted(def.name) + " is of the wrong kind", where);
    }
  }
}

void verify_node(const Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (n.op == nullptr) broken(graph, "a node without operator", n.name);
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    const ValueId v = n.inputs[i];
    if (v == kNone) continue;
    if (v >= graph.value_count() || graph.value(v).erased) broken(graph, "a node reads an erased value", n.name);
    const std::vector<Use>& uses = graph.value(v).uses;
    if (std::find(uses.begin(), uses.end(), Use{id, static_cast<uint32_t>(i)}) == uses.end()) broken(graph, "a use is not listed", graph.value(v).name);
  }
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    const ValueId v = n.outputs[i];
    if (v == kNone) continue;
    const Value& value = graph.value(v);
    if (value.erased || value.producer != id || value.producer_index != i) broken(graph, "an output does not know its producer", value.name);
  }
  verify_attributes(n);
  if (n.captures.size() != n.bodies.size()) broken(graph, "captures and bodies differ in number", n.name);
  for (size_t b = 0; b < n.bodies.size(); ++b) {
    if (static_cast<int>(n.bodies[b]->inputs().size()) < n.captures[b]) broken(graph, "a body captures more than it has inputs", n.name);
    verify(*n.bodies[b]);
  }
}

}  // namespace

void verify(const Graph& graph) {
  std::set<std::string_view> names;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& v = graph.value(id);
    if (v.erased) continue;
    if (!names.insert(v.name).second) broken(graph, "two values of one name", v.name);
    if ((v.producer != kNone) != (v.kind == ValueKind::kResult)) broken(graph, "a value whose kind and producer disagree", v.name);
    for (const Use& use : v.uses) {
      const Node& n = graph.node(use.node);
      if (n.erased || use.index >= n.inputs.size() || n.inputs[use.index] != id) broken(graph, "a use that does not exist", v.name);
    }
  }
  for (const NodeId id : graph.order()) verify_node(graph, id);
  for (const ValueId id : graph.outputs()) {
    if (id == kNone || graph.value(id).erased) broken(graph, "an output that does not exist", graph.name());
  }
  std::set<ValueId> committed;
  for (const Commit& c : graph.commits()) {
    const Value& state = graph.value(c.state);
    if (state.kind != ValueKind::kState || state.erased) broken(graph, "a commit to something that is no state", state.name);
    if (!committed.insert(c.state).second) broken(graph, "a state committed twice", state.name);
    const Value& next = graph.value(c.next);
    if (next.erased || next.kind == ValueKind::kState) broken(graph, "a commit whose next value is no result", next.name);
    if (next.type.dtype != state.type.dtype) broken(graph, "a commit of another element type", state.name);
  }
}

}  // namespace omni::graph
