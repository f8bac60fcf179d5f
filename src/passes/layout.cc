#include "passes/layout.h"

#include <unordered_map>

#include "ops/op_list.h"

namespace omni::passes {

namespace {

bool has_positions(const Type& type) { return type.kind == TypeKind::kTensor && type.ranked && type.rank() >= 3; }

class LayoutPass {
 public:
  explicit LayoutPass(Graph& graph) : graph_(graph) {}

  bool run() {
    for (const NodeId id : graph_.order()) place(id);
    std::vector<ValueId> outputs = graph_.outputs();
    for (ValueId& id : outputs) id = output_in_plain(id);
    graph_.set_outputs(std::move(outputs));
    std::vector<Commit> commits = graph_.commits();
    for (Commit& c : commits) c.next = in(c.next, Layout::kPlain);
    graph_.set_commits(std::move(commits));
    return changed_;
  }

 private:
  // The value in that layout: itself, or a Reorder of it made once.
  ValueId in(ValueId id, Layout wanted) {
    if (id == kNone) return id;
    const Value& v = graph_.value(id);
    if (v.layout == wanted || !has_positions(v.type)) return id;
    const Node* maker = graph_.producer(id, ops::kReorder);
    if (maker != nullptr && graph_.value(maker->inputs[0]).layout == wanted) return maker->inputs[0];
    const auto [it, fresh] = reordered_.try_emplace(id, kNone);
    if (fresh) {
      const std::string name = v.name + (wanted == Layout::kPlain ? ".plain" : ".last");
      it->second = graph_.add1(ops::kReorder, {id}, {}, {.output_names = {name}});
      graph_.value(it->second).layout = wanted;
      changed_ = true;
    }
    return it->second;
  }

  // An output keeps its name although a Reorder now makes it.
  ValueId output_in_plain(ValueId id) {
    const ValueId plain = in(id, Layout::kPlain);
    if (plain == id) return id;
    const std::string name = graph_.value(id).name;
    graph_.rename(id, name + ".last");
    graph_.rename(plain, name);
    return plain;
  }

  void tag(ValueId id, Layout layout) {
    if (id == kNone || !has_positions(graph_.type(id))) return;
    if (graph_.value(id).layout != layout) changed_ = true;
    graph_.value(id).layout = layout;
  }

  void set_input(NodeId node, size_t i, Layout layout) {
    const ValueId before = graph_.node(node).inputs[i];
    const ValueId after = in(before, layout);
    if (after != before) graph_.set_node_input(node, static_cast<uint32_t>(i), after);
  }

  void place(NodeId id) {
    const OpDef& op = *graph_.node(id).op;
    if (&op == &ops::kReorder) return;
    if (op.layout == LayoutRule::kAny && follows_channels_last(id)) return;
    const size_t inputs = graph_.node(id).inputs.size(), outputs = graph_.node(id).outputs.size();
    const bool wants = op.layout == LayoutRule::kChannelsLast;
    for (size_t i = 0; i < inputs; ++i) {
      set_input(id, i, wants && (op.channels_last_inputs >> i & 1) != 0 ? Layout::kChannelsLast : Layout::kPlain);
    }
    for (size_t i = 0; i < outputs; ++i) {
      tag(graph_.node(id).outputs[i], wants && (op.channels_last_outputs >> i & 1) != 0 ? Layout::kChannelsLast : Layout::kPlain);
    }
  }

  // An elementwise node takes the layout of what feeds it, if every input either has it, can be reordered to it, or has the same bytes anyway.
  bool follows_channels_last(NodeId id) {
    const Node& n = graph_.node(id);
    bool any = false;
    for (const ValueId v : n.inputs) any |= v != kNone && graph_.value(v).layout == Layout::kChannelsLast;
    if (!any) return false;
    const int rank = graph_.type(n.outputs[0]).rank();
    for (const ValueId v : n.inputs) {
      if (v == kNone || graph_.value(v).layout == Layout::kChannelsLast) continue;
      const Type& type = graph_.type(v);
      if (!type.ranked || (type.rank() != rank && !fits_either_way(type, rank))) return false;
    }
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ValueId v = n.inputs[i];
      if (v != kNone && !fits_either_way(graph_.type(v), rank)) set_input(id, i, Layout::kChannelsLast);
    }
    for (const ValueId v : n.outputs) tag(v, Layout::kChannelsLast);
    return true;
  }

  // A broadcast operand whose bytes are the same in both orders: a scalar, or one value per channel ([C,1,1] or [N,C,1,1]), or one channel.
  static bool fits_either_way(const Type& type, int rank) {
    if (type.kind != TypeKind::kTensor || !type.ranked || type.rank() > rank) return false;
    if (rank < 3) return true;
    const auto aligned = [&](int i) { return i < rank - type.rank() ? Dim(1) : type.dims[static_cast<size_t>(i - (rank - type.rank()))]; };
    if (aligned(1) == Dim(1)) return true;
    for (int i = 2; i < rank; ++i) {
      if (aligned(i) != Dim(1)) return false;
    }
    return true;
  }

  Graph& graph_;
  std::unordered_map<ValueId, ValueId> reordered_;
  bool changed_ = false;
};

}  // namespace

bool layout(Graph& graph, PassContext& context) {
  bool changed = LayoutPass(graph).run();
  for (NodeId id = 0; id < graph.node_count(); ++id) {
    for (const auto& body : graph.node(id).bodies) changed |= layout(*body, context);
  }
  return changed;
}

}  // namespace omni::passes
