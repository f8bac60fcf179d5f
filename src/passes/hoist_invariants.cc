#include "passes/hoist_invariants.h"

#include <algorithm>
#include <utility>

#include "ops/op_list.h"

namespace omni::passes {

namespace {

constexpr size_t kFirstCarried = 2;  // of the inputs, behind the trip count and the condition; of the outputs it is 1

// Places among the carried values of those that the body gives back as it got them.
std::vector<size_t> invariants(const Graph& graph, const Node& n) {
  const Graph& body = *n.bodies[0];
  std::vector<size_t> places;
  for (size_t k = 0; kFirstCarried + k < static_cast<size_t>(n.own_inputs()); ++k) {
    ValueId given = body.outputs()[1 + k];
    while (const Node* identity = body.producer(given, ops::kIdentity)) given = identity->inputs[0];
    const bool read_as_output = k < n.outputs.size() && n.outputs[k] != kNone && graph.is_output(n.outputs[k]);
    if (given == body.inputs()[kFirstCarried + k] && n.inputs[kFirstCarried + k] != kNone && !read_as_output) places.push_back(k);
  }
  return places;
}

template <class T>
std::vector<T> without(const std::vector<T>& from, size_t first, const std::vector<size_t>& places) {
  std::vector<T> rest;
  for (size_t i = 0; i < from.size(); ++i) {
    if (i < first || std::find(places.begin(), places.end(), i - first) == places.end()) rest.push_back(from[i]);
  }
  return rest;
}

// What is known outside, and what the body declares where that says more.
Type more_known(const Type& outside, const Type& formal) {
  if (!outside.ranked) return formal;
  Type type = outside;
  if (!formal.ranked || formal.dims.size() != type.dims.size()) return type;
  for (size_t d = 0; d < type.dims.size(); ++d) {
    if (!type.dims[d].is_constant() && formal.dims[d].is_constant()) type.dims[d] = formal.dims[d];
  }
  return type;
}

std::unique_ptr<Graph> body_without(const Graph& graph, const Node& n, const std::vector<size_t>& places) {
  auto body = std::make_unique<Graph>(n.bodies[0]->clone(graph.dim_table()));
  body->set_outputs(without(body->outputs(), 1, places));
  std::vector<ValueId> formals;
  for (const size_t k : places) {
    formals.push_back(body->inputs()[kFirstCarried + k]);
    const ValueId outside = n.inputs[kFirstCarried + k];
    const Type type = more_known(graph.type(outside), body->type(formals.back()));
    body->replace_uses(formals.back(), body->add_input(graph.value(outside).name, type));
  }
  for (const ValueId formal : formals) body->remove_input(formal);
  body->erase_dead();
  body->infer_all();
  return body;
}

void hoist(Graph& graph, NodeId id, const std::vector<size_t>& places) {
  const Node& n = graph.node(id);
  AddOptions options{.name = n.name};
  options.bodies.push_back(body_without(graph, n, places));
  options.captures = {n.captures[0] + static_cast<int>(places.size())};
  std::vector<ValueId> inputs = without(n.inputs, kFirstCarried, places);
  for (const size_t k : places) inputs.push_back(n.inputs[kFirstCarried + k]);
  const std::vector<ValueId> old = n.outputs, kept = without(old, 0, places);
  for (const ValueId v : kept) options.output_names.push_back(v == kNone ? std::string() : graph.value(v).name);
  for (const size_t k : places) {
    if (k < old.size() && old[k] != kNone) graph.replace_uses(old[k], n.inputs[kFirstCarried + k]);
  }
  if (kept.empty()) return graph.erase_node(id);
  const std::vector<ValueId> results = graph.add(*n.op, std::move(inputs), n.attributes, std::move(options));
  for (size_t i = 0; i < kept.size(); ++i) {
    if (kept[i] == kNone) continue;
    const std::string name = graph.value(kept[i]).name;
    graph.replace_uses(kept[i], results[i]);
    graph.rename(kept[i], name + ".carried");
    graph.rename(results[i], name);
  }
  graph.erase_node(id);
}

}  // namespace

bool hoist_invariants(Graph& graph, PassContext& context) {
  bool any = false;
  for (const NodeId id : graph.order()) {
    for (const auto& body : graph.node(id).bodies) any |= hoist_invariants(*body, context);
    if (graph.node(id).op != &ops::kLoop) continue;
    const std::vector<size_t> places = invariants(graph, graph.node(id));
    if (places.empty()) continue;
    hoist(graph, id, places);
    any = true;
  }
  return any;
}

}  // namespace omni::passes
