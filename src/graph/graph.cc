#include "graph/graph.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace omni::graph {

int Node::own_inputs() const {
  return static_cast<int>(inputs.size()) - std::accumulate(captures.begin(), captures.end(), 0);
}

Graph::Graph(std::string name, std::shared_ptr<DimTable> dims)
    : name_(std::move(name)), dims_(dims ? std::move(dims) : std::make_shared<DimTable>()) {}

std::string Graph::unique_name(std::string_view base) const {
  std::string name(base.empty() ? "v" : base);
  if (!names_.contains(name)) return name;
  uint32_t& suffix = suffixes_[name];
  for (;;) {
    std::string numbered = name + "." + std::to_string(++suffix);
    if (!names_.contains(numbered)) return numbered;
  }
}

ValueId Graph::new_value(std::string_view name, ValueKind kind, Type type) {
  const ValueId id = static_cast<ValueId>(values_.size());
  Value v;
  v.name = unique_name(name);
  v.kind = kind;
  v.type = std::move(type);
  names_.emplace(v.name, id);
  values_.push_back(std::move(v));
  return id;
}

ValueId Graph::add_input(std::string_view name, Type type) {
  const ValueId id = new_value(name, ValueKind::kInput, std::move(type));
  inputs_.push_back(id);
  return id;
}

ValueId Graph::add_constant(std::string_view name, Tensor data, Role role) {
  const ValueId id = new_value(name, ValueKind::kConstant, Type(data.dtype(), data.shape()));
  values_[id].role = role;
  values_[id].contents = constant_contents(data);
  values_[id].data = std::move(data);
  return id;
}

ValueId Graph::add_state(std::string_view name, Tensor initial, Role role, ValueId of) {
  const ValueId id = new_value(name, ValueKind::kState, Type(initial.dtype(), initial.shape()));
  values_[id].role = role;
  values_[id].of = of;
  values_[id].data = std::move(initial);
  return id;
}

std::vector<ValueId> Graph::add(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, AddOptions options) {
  const NodeId id = static_cast<NodeId>(nodes_.size());
  nodes_.emplace_back();
  Node& n = nodes_.back();
  n.op = &op;
  n.name = options.name.empty() ? std::string() : std::move(options.name);
  n.inputs = std::move(inputs);
  n.attributes = std::move(attributes);
  n.bodies = std::move(options.bodies);
  n.captures = std::move(options.captures);
  n.captures.resize(n.bodies.size(), 0);
  while (!n.inputs.empty() && n.inputs.back() == kNone) n.inputs.pop_back();
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] != kNone) values_[n.inputs[i]].uses.push_back({id, static_cast<uint32_t>(i)});
  }
  int count = options.output_count;
  if (count == 0) count = static_cast<int>(options.output_names.size());
  if (count == 0) count = std::max(1, op.min_outputs());
  const std::string base = n.name.empty() ? std::string(op.name) : n.name;
  for (int i = 0; i < count; ++i) {
    const bool named = i < static_cast<int>(options.output_names.size());
    if (named && options.output_names[static_cast<size_t>(i)].empty()) {
      n.outputs.push_back(kNone);
      continue;
    }
    const ValueId out = new_value(named ? options.output_names[static_cast<size_t>(i)] : base, ValueKind::kResult, Type());
    values_[out].producer = id;
    values_[out].producer_index = static_cast<uint32_t>(i);
    n.outputs.push_back(out);
  }
  try {
    infer_node(id);
  } catch (...) {
    for (const ValueId out : n.outputs) {
      if (out == kNone) continue;
      names_.erase(values_[out].name);
      values_[out].erased = true;
    }
    for (size_t i = 0; i < n.inputs.size(); ++i) drop_use(n.inputs[i], id, static_cast<uint32_t>(i));
    n.erased = true;
    throw;
  }
  return n.outputs;
}

void Graph::infer_node(NodeId id) {
  Node& n = nodes_[id];
  std::vector<InferValue> inputs(n.inputs.size()), outputs(n.outputs.size());
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] == kNone) continue;
    const Value& v = values_[n.inputs[i]];
    inputs[i] = {true, v.type, v.contents, v.kind == ValueKind::kConstant ? &v.data : nullptr};
  }
  for (size_t i = 0; i < n.outputs.size(); ++i) outputs[i].present = n.outputs[i] != kNone;
  infer(n, inputs, outputs, *dims_);
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    if (n.outputs[i] == kNone) continue;
    values_[n.outputs[i]].type = std::move(outputs[i].type);
    values_[n.outputs[i]].contents = std::move(outputs[i].contents);
  }
}

void Graph::infer_all() {
  for (const NodeId id : order()) infer_node(id);
}

const Node* Graph::producer(ValueId id) const {
  if (id == kNone || values_[id].producer == kNone) return nullptr;
  return &nodes_[values_[id].producer];
}

const Node* Graph::producer(ValueId id, const OpDef& op) const {
  const Node* n = producer(id);
  return n != nullptr && n->op == &op ? n : nullptr;
}

ValueId Graph::find(std::string_view name) const {
  const auto found = names_.find(std::string(name));
  return found == names_.end() ? kNone : found->second;
}

std::vector<ValueId> Graph::states() const {
  std::vector<ValueId> ids;
  for (ValueId id = 0; id < values_.size(); ++id) {
    if (!values_[id].erased && values_[id].kind == ValueKind::kState) ids.push_back(id);
  }
  return ids;
}

std::vector<ValueId> Graph::constants() const {
  std::vector<ValueId> ids;
  for (ValueId id = 0; id < values_.size(); ++id) {
    if (!values_[id].erased && values_[id].kind == ValueKind::kConstant) ids.push_back(id);
  }
  return ids;
}

void Graph::add_output(ValueId id) { outputs_.push_back(id); }

void Graph::remove_input(ValueId id) {
  std::erase(inputs_, id);
  values_[id].erased = true;
  names_.erase(values_[id].name);
}

bool Graph::is_output(ValueId id) const { return std::find(outputs_.begin(), outputs_.end(), id) != outputs_.end(); }

size_t Graph::use_count(ValueId id) const {
  size_t count = values_[id].uses.size() + static_cast<size_t>(std::count(outputs_.begin(), outputs_.end(), id));
  for (const Commit& c : commits_) count += (c.next == id) + (c.guard == id) + (c.state == id);
  return count;
}

void Graph::drop_use(ValueId value, NodeId node, uint32_t index) {
  if (value == kNone) return;
  std::vector<Use>& uses = values_[value].uses;
  uses.erase(std::remove(uses.begin(), uses.end(), Use{node, index}), uses.end());
}

void Graph::set_node_input(NodeId node, uint32_t index, ValueId id) {
  Node& n = nodes_[node];
  drop_use(n.inputs[index], node, index);
  n.inputs[index] = id;
  if (id != kNone) values_[id].uses.push_back({node, index});
}

void Graph::set_node_inputs(NodeId node, std::vector<ValueId> ids) {
  Node& n = nodes_[node];
  for (size_t i = 0; i < n.inputs.size(); ++i) drop_use(n.inputs[i], node, static_cast<uint32_t>(i));
  n.inputs = std::move(ids);
  for (size_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] != kNone) values_[n.inputs[i]].uses.push_back({node, static_cast<uint32_t>(i)});
  }
}

void Graph::replace_uses(ValueId from, ValueId to) {
  if (from == to) return;
  std::vector<Use> uses = std::move(values_[from].uses);
  values_[from].uses.clear();
  for (const Use& use : uses) {
    nodes_[use.node].inputs[use.index] = to;
    values_[to].uses.push_back(use);
  }
  std::replace(outputs_.begin(), outputs_.end(), from, to);
  for (Commit& c : commits_) {
    if (c.next == from) c.next = to;
    if (c.guard == from) c.guard = to;
  }
}

void Graph::erase_node(NodeId id) {
  Node& n = nodes_[id];
  for (const ValueId out : n.outputs) {
    if (out == kNone) continue;
    if (use_count(out) != 0) throw Error(ErrorCode::kInternal, "erasing node " + quoted(n.name) + " whose output is read", values_[out].name);
    values_[out].erased = true;
    names_.erase(values_[out].name);
  }
  for (size_t i = 0; i < n.inputs.size(); ++i) drop_use(n.inputs[i], id, static_cast<uint32_t>(i));
  n.inputs.clear();
  n.outputs.clear();
  n.bodies.clear();
  n.erased = true;
}

void Graph::erase_value(ValueId id) {
  if (use_count(id) != 0) throw Error(ErrorCode::kInternal, "erasing a value that is read", values_[id].name);
  if (values_[id].kind == ValueKind::kInput) std::erase(inputs_, id);
  values_[id].erased = true;
  values_[id].data = Tensor();
  names_.erase(values_[id].name);
}

bool Graph::erase_dead() {
  bool any = false;
  std::vector<NodeId> live = order();
  for (auto it = live.rbegin(); it != live.rend(); ++it) {
    const Node& n = nodes_[*it];
    if (n.op->has(kSideEffect)) continue;
    const bool read = std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) { return v != kNone && use_count(v) != 0; });
    if (read) continue;
    erase_node(*it);
    any = true;
  }
  for (ValueId id = 0; id < values_.size(); ++id) {
    const Value& v = values_[id];
    if (v.erased || (v.kind != ValueKind::kConstant && v.kind != ValueKind::kState) || use_count(id) != 0) continue;
    const bool owned = std::any_of(values_.begin(), values_.end(), [&](const Value& w) { return !w.erased && w.of == id; });
    if (owned) continue;
    erase_value(id);
    any = true;
  }
  return any;
}

void Graph::rename(ValueId id, std::string_view name) {
  Value& v = values_[id];
  if (v.name == name) return;
  names_.erase(v.name);
  v.name = unique_name(name);
  names_.emplace(v.name, id);
}

void Graph::make_state(ValueId id, Role role) {
  Value& v = values_[id];
  v.kind = ValueKind::kState;
  v.role = role;
  v.contents.reset();
}

void Graph::make_constant(ValueId id) {
  Value& v = values_[id];
  v.kind = ValueKind::kConstant;
  v.role = Role::kConstant;
  v.of = kNone;
  v.contents = constant_contents(v.data);
}

std::vector<NodeId> Graph::order() const {
  std::vector<NodeId> sorted;
  sorted.reserve(nodes_.size());
  enum : uint8_t { kNew, kOpen, kDone };
  std::vector<uint8_t> state(nodes_.size(), kNew);
  std::vector<std::pair<NodeId, size_t>> stack;
  const auto visit = [&](NodeId root) {
    if (root == kNone || state[root] != kNew || nodes_[root].erased) return;
    state[root] = kOpen;
    stack.emplace_back(root, 0);
    while (!stack.empty()) {
      const NodeId id = stack.back().first;
      const Node& n = nodes_[id];
      if (stack.back().second == n.inputs.size()) {
        state[id] = kDone;
        sorted.push_back(id);
        stack.pop_back();
        continue;
      }
      const ValueId input = n.inputs[stack.back().second++];
      if (input == kNone || values_[input].producer == kNone) continue;
      const NodeId producer = values_[input].producer;
      if (state[producer] == kOpen) throw Error(ErrorCode::kInvalidData, "the graph has a cycle", "value " + quoted(values_[input].name));
      if (state[producer] == kNew) {
        state[producer] = kOpen;
        stack.emplace_back(producer, 0);
      }
    }
  };
  const auto visit_value = [&](ValueId id) {
    if (id != kNone) visit(values_[id].producer);
  };
  for (const ValueId id : outputs_) visit_value(id);
  for (const Commit& c : commits_) {
    visit_value(c.guard);
    visit_value(c.next);
  }
  for (NodeId id = 0; id < nodes_.size(); ++id) visit(id);
  return sorted;
}

Graph Graph::clone() const { return copy_of(*this, std::make_shared<DimTable>(*dims_)); }

Graph Graph::copy_of(const Graph& from, std::shared_ptr<DimTable> dims) {
  Graph g(from.name_, dims);
  g.values_ = from.values_;
  for (const Node& n : from.nodes_) {
    Node& copy = g.nodes_.emplace_back();
    copy.op = n.op;
    copy.name = n.name;
    copy.inputs = n.inputs;
    copy.outputs = n.outputs;
    copy.attributes = n.attributes;
    copy.captures = n.captures;
    copy.erased = n.erased;
    for (const auto& body : n.bodies) copy.bodies.push_back(std::make_unique<Graph>(copy_of(*body, dims)));
  }
  g.inputs_ = from.inputs_;
  g.outputs_ = from.outputs_;
  g.commits_ = from.commits_;
  g.names_ = from.names_;
  g.suffixes_ = from.suffixes_;
  g.metadata = from.metadata;
  g.doc = from.doc;
  return g;
}

std::optional<Contents> constant_contents(const Tensor& data) {
  const bool small_integers = data.dtype() == DType::kI64 || data.dtype() == DType::kI32 || data.dtype() == DType::kBool;
  if (!small_integers || data.shape().rank() > 1 || data.count() > static_cast<int64_t>(kMaxContents)) return std::nullopt;
  Contents contents;
  for (const int64_t v : to_int64(data)) contents.emplace_back(v);
  return contents;
}

void infer(const Node& node, std::span<const InferValue> inputs, std::span<InferValue> outputs, DimTable& dims) {
  const int own = std::max(0, node.own_inputs());  // what bodies capture is nothing that inference is told
  InferContext context(*node.op, node.name, node.attributes, inputs.first(static_cast<size_t>(own)), outputs, node.bodies, dims);
  if (own < node.op->min_inputs() || own > node.op->max_inputs()) {
    context.fail("the operator takes " + std::to_string(node.op->min_inputs()) + " to " + std::to_string(node.op->max_inputs()) + " inputs, found " +
                 std::to_string(own));
  }
  for (int i = 0; i < own; ++i) {
    if (!inputs[static_cast<size_t>(i)].present && (node.op->input_formal(i).flags & kOptional) == 0) {
      context.fail("input " + quoted(node.op->input_formal(i).name) + " is required");
    }
  }
  for (size_t i = static_cast<size_t>(own); i < node.op->inputs.size(); ++i) {  // required ones may stand behind optional ones
    if ((node.op->inputs[i].flags & (kOptional | kVariadic)) == 0) context.fail("input " + quoted(node.op->inputs[i].name) + " is required");
  }
  if (static_cast<int>(outputs.size()) > node.op->max_outputs()) {
    context.fail("the operator has " + std::to_string(node.op->max_outputs()) + " outputs, " + std::to_string(outputs.size()) + " are asked for");
  }
  if (node.bodies.size() != node.op->bodies.size()) {
    context.fail("the operator has " + std::to_string(node.op->bodies.size()) + " bodies, the node " + std::to_string(node.bodies.size()));
  }
  node.op->infer(context);
}

}  // namespace omni::graph
