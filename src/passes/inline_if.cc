#include "passes/inline_if.h"

#include <map>

#include "core/error.h"
#include "ops/op_list.h"
#include "passes/fold.h"

namespace omni::passes {

namespace {

std::optional<bool> known_condition(const Graph& graph, ValueId id) {
  const Value& v = graph.value(id);
  if (v.kind == ValueKind::kConstant) {
    if (v.data.dtype() != DType::kBool || v.data.count() != 1) return std::nullopt;
    return *static_cast<const uint8_t*>(v.data.data()) != 0;
  }
  if (v.contents && v.contents->size() == 1 && v.contents->front().is_constant()) return v.contents->front().value != 0;
  return std::nullopt;
}

// Copies a body's nodes into the graph around it. `outer` are the values for its inputs.
class Inliner {
 public:
  Inliner(Graph& graph, const Graph& body, std::span<const ValueId> outer) : graph_(graph), body_(body) {
    for (size_t i = 0; i < body.inputs().size(); ++i) ids_[body.inputs()[i]] = outer[i];
  }

  std::vector<ValueId> run() {
    for (const ValueId id : body_.constants()) ids_[id] = graph_.add_constant(body_.value(id).name, body_.value(id).data, body_.value(id).role);
    for (const NodeId id : body_.order()) copy(body_.node(id));
    std::vector<ValueId> outputs;
    for (const ValueId id : body_.outputs()) outputs.push_back(ids_.at(id));
    return outputs;
  }

 private:
  void copy(const Node& n) {
    std::vector<ValueId> inputs;
    for (const ValueId id : n.inputs) inputs.push_back(id == kNone ? kNone : ids_.at(id));
    AddOptions options{.name = n.name};
    for (const ValueId id : n.outputs) options.output_names.push_back(id == kNone ? std::string() : body_.value(id).name);
    for (const auto& body : n.bodies) options.bodies.push_back(std::make_unique<Graph>(body->clone(graph_.dim_table())));
    options.captures = n.captures;
    const std::vector<ValueId> outputs = graph_.add(*n.op, std::move(inputs), n.attributes, std::move(options));
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) ids_[n.outputs[i]] = outputs[i];
    }
  }

  Graph& graph_;
  const Graph& body_;
  std::map<ValueId, ValueId> ids_;
};

void inline_branch(Graph& graph, NodeId id, size_t branch) {
  const Node& n = graph.node(id);
  size_t at = static_cast<size_t>(n.own_inputs());
  for (size_t b = 0; b < branch; ++b) at += static_cast<size_t>(n.captures[b]);
  const std::vector<ValueId> captured(n.inputs.begin() + static_cast<ptrdiff_t>(at),
                                      n.inputs.begin() + static_cast<ptrdiff_t>(at) + n.captures[branch]);
  const size_t before = graph.value_count();
  const std::vector<ValueId> results = Inliner(graph, *n.bodies[branch], captured).run();
  const std::vector<ValueId> outputs = graph.node(id).outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] == kNone) continue;
    ValueId result = results[i];
    if (graph.is_output(outputs[i])) {  // the name of a graph output stays its own
      const std::string name = graph.value(outputs[i]).name;
      const bool own = result >= before && graph.value(result).kind == ValueKind::kResult && !graph.is_output(result);
      if (!own) result = graph.add1(ops::kIdentity, {result});
      graph.replace_uses(outputs[i], result);
      graph.rename(outputs[i], name + ".if");
      graph.rename(result, name);
      continue;
    }
    graph.replace_uses(outputs[i], result);
  }
  graph.erase_node(id);
}

bool inline_once(Graph& graph) {
  bool any = false;
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    if (n.erased) continue;
    for (const auto& body : n.bodies) any |= inline_once(*body);
    if (n.op != &ops::kIf) continue;
    const std::optional<bool> condition = known_condition(graph, n.inputs[0]);
    if (!condition) continue;
    inline_branch(graph, id, *condition ? 0 : 1);
    any = true;
  }
  if (any) graph.erase_dead();
  return any;
}

}  // namespace

bool inline_if(Graph& graph, PassContext& context) {
  bool any = false;
  while (inline_once(graph)) {
    any = true;
    graph.infer_all();
    fold(graph, context);
  }
  return any;
}

namespace {

// The captures of one body without those that are constants around it.
bool sink_into(Graph& graph, Graph& body, size_t formal, std::vector<ValueId>& captured) {
  bool any = false;
  std::vector<ValueId> kept;
  const std::vector<ValueId> inputs(body.inputs().begin() + static_cast<ptrdiff_t>(formal), body.inputs().end());
  for (size_t i = 0; i < captured.size(); ++i) {
    if (!graph.is_constant(captured[i])) {
      kept.push_back(captured[i]);
      Type& inside = body.value(inputs[i]).type;
      any |= !(inside == graph.type(captured[i]));
      inside = graph.type(captured[i]);  // what folding around has settled meanwhile
      continue;
    }
    const Value& outside = graph.value(captured[i]);
    const ValueId inside = body.add_constant(outside.name, outside.data, outside.role);
    body.replace_uses(inputs[i], inside);
    body.remove_input(inputs[i]);
    any = true;
  }
  captured = std::move(kept);
  if (any) body.infer_all();
  return any;
}

bool sink_at(Graph& graph, NodeId id) {
  Node& n = graph.node(id);
  const auto own = static_cast<size_t>(n.own_inputs());
  std::vector<ValueId> inputs(n.inputs.begin(), n.inputs.begin() + static_cast<ptrdiff_t>(own));
  size_t at = own;
  bool any = false;
  for (size_t b = 0; b < n.bodies.size(); ++b) {
    const auto count = static_cast<size_t>(n.captures[b]);
    std::vector<ValueId> captured(n.inputs.begin() + static_cast<ptrdiff_t>(at), n.inputs.begin() + static_cast<ptrdiff_t>(at + count));
    at += count;
    any |= sink_into(graph, *n.bodies[b], n.bodies[b]->inputs().size() - count, captured);
    n.captures[b] = static_cast<int>(captured.size());
    inputs.insert(inputs.end(), captured.begin(), captured.end());
  }
  if (any) graph.set_node_inputs(id, std::move(inputs));
  return any;
}

}  // namespace

bool sink_constants(Graph& graph, PassContext& context) {
  bool any = false;
  for (const NodeId id : graph.order()) {
    if (graph.node(id).bodies.empty()) continue;
    any |= sink_at(graph, id);
    for (const auto& body : graph.node(id).bodies) any |= sink_constants(*body, context);
  }
  return any;
}

}  // namespace omni::passes
