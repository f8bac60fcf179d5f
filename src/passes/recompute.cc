#include "passes/recompute.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "ops/bind_node.h"

namespace omni::passes {

namespace {

// What it takes to move a byte from or to memory, in operations: on the machines we know at least that many are done meanwhile.
constexpr int64_t kOperationsPerByte = 4;
// Values that are at least so many times smaller than what is dropped are kept for its repetition: computing them again would not pay.
constexpr int64_t kSmall = 8;
// Candidates that are tried at one peak before it counts as the least that can be had.
constexpr size_t kMostTries = 64;
// Values that may be dropped to make up for one that is kept.
constexpr int kDropsAfterKeeping = 3;

class Chooser {
 public:
  Chooser(const Graph& sized, std::span<const NodeId> order) : graph_(sized), live_(sized), order_(order.begin(), order.end()) {
    again_.assign(graph_.node_count(), false);
    late_.assign(graph_.node_count(), true);
    aliases_.resize(graph_.value_count());
    std::vector<ValueId> stack = graph_.outputs();
    while (!stack.empty()) {
      const NodeId id = graph_.value(stack.back()).producer;
      stack.pop_back();
      if (id == kNone || !late_[id]) continue;
      late_[id] = false;
      for (const ValueId v : graph_.node(id).inputs) {
        if (v != kNone) stack.push_back(v);
      }
    }
    if (!live_.known()) return;
    for (const NodeId id : order_) {
      costs_[id] = cost(graph_.node(id));
      for (const ValueId v : graph_.node(id).outputs) {
        if (v != kNone && live_.root(v) != kNone) aliases_[live_.root(v)].push_back(v);
      }
    }
  }

  void run(int64_t most_bytes) {
    if (!live_.known()) {
      for (const NodeId id : order_) steps_.push_back({id, false});
      return;
    }
    simulate();
    while (peak_.bytes > most_bytes && (drop_one() || keep_one())) {
    }
  }

  Recomputation apply(Graph& graph) const {
    Recomputation result;
    result.peak_bytes = peak_.bytes;
    std::map<ValueId, ValueId> copies;
    const auto seen = [&](ValueId v) {
      const auto found = copies.find(v);
      return found == copies.end() ? v : found->second;
    };
    for (const Step& s : steps_) {
      const Node& n = graph.node(s.node);
      if (!s.again) {
        if (live_.known()) result.operations += costs_.at(s.node).operations;
        for (uint32_t i = 0; late_[s.node] && i < n.inputs.size(); ++i) {
          if (n.inputs[i] != kNone) graph.set_node_input(s.node, i, seen(n.inputs[i]));
        }
        result.order.push_back(s.node);
        continue;
      }
      result.more_operations += costs_.at(s.node).operations;
      if (!n.op->has(kView)) ++result.values;
      result.order.push_back(repeat(graph, s.node, seen, copies));
    }
    for (ValueId id = 0; live_.known() && id < graph_.value_count(); ++id) {
      if (live_.root(id) == id && live_.bytes(id) > 0 && kept_late(id) && !late_[graph_.value(id).producer]) ++result.kept;
    }
    return result;
  }

 private:
  struct Choice {
    ValueId value = kNone;
    std::set<NodeId> nodes;
    double ratio = 0;  // cost per byte
  };

  Cost cost(const Node& n) const {
    std::vector<PlannedValue> inputs, outputs;
    for (const bool reads : {true, false}) {
      for (const ValueId id : reads ? n.inputs : n.outputs) {
        PlannedValue& v = (reads ? inputs : outputs).emplace_back();
        if (id == kNone) continue;
        const Type& type = graph_.type(id);
        if (!type.is_static()) return {};
        v = {true, type.dtype, *type.shape(), graph_.value(id).layout, nullptr};
      }
    }
    return ops::node_cost({*n.op, n.name, n.attributes, inputs, outputs, Isa::kScalar});
  }

  // Drops the cheapest value that helps.
  bool drop_one() {
    std::set<ValueId> tried;
    while (tried.size() < kMostTries) {
      const std::optional<Choice> choice = cheapest(tried);
      if (!choice) return false;
      if (lowers(choice->nodes, true)) return true;
      tried.insert(choice->value);
    }
    return false;
  }

  // A repetition that waits across the peak was made for others that come later in a chain. Keeping its first computation ends the chain there; what that
  // takes elsewhere may be had again from what can be dropped then.
  bool keep_one() {
    const auto at = static_cast<int32_t>(peak_.step);
    const Liveness::Peak before = peak_;
    const std::vector<bool> again = again_;
    for (ValueId id = 0; id < graph_.value_count(); ++id) {
      const Liveness::Span& copy = before.spans[graph_.value_count() + id];
      if (copy.first < 0 || copy.first >= at || copy.last <= at || live_.bytes(id) == 0) continue;
      const NodeId maker = graph_.value(id).producer;
      again_[maker] = false;
      pinned_.insert(maker);
      simulate();
      for (int i = 0; i < kDropsAfterKeeping && !peak_.less(before) && drop_one(); ++i) {
      }
      if (peak_.less(before)) return true;
      pinned_.erase(maker);
      again_ = again;
    }
    simulate();
    return false;
  }

  // Repeats these nodes, or not, where less is alive then.
  bool lowers(const std::set<NodeId>& nodes, bool again) {
    const Liveness::Peak before = peak_;
    for (const NodeId id : nodes) again_[id] = again;
    simulate();
    if (peak_.less(before)) return true;
    for (const NodeId id : nodes) again_[id] = !again;
    simulate();
    return false;
  }

  int64_t weight(NodeId id) const {
    if (graph_.node(id).op->has(kView)) return 0;
    const Cost& c = costs_.at(id);
    return std::max(c.operations, kOperationsPerByte * c.bytes);
  }

  bool can_repeat(NodeId id) const {
    const Node& n = graph_.node(id);
    return !late_[id] && !pinned_.contains(id) && n.bodies.empty() && (n.op->bind != nullptr || n.op->has(kView)) && !n.op->has(kRandom) && !n.op->has(kSideEffect);
  }

  // The steps, with each repetition before its first reader, and what they keep alive.
  void simulate() {
    steps_.clear();
    std::vector<bool> done(graph_.node_count(), false);
    for (const NodeId id : order_) {
      if (late_[id]) repeat_inputs(id, done);
      steps_.push_back({id, false});
    }
    peak_ = live_.peak(steps_, again_, late_);
    places_.assign(graph_.node_count(), 0);
    read_late_.assign(graph_.value_count(), false);
    for (size_t i = 0; i < steps_.size(); ++i) {
      const Step& s = steps_[i];
      if (!s.again) places_[s.node] = static_cast<int32_t>(i);
      if (!s.again && !late_[s.node]) continue;
      for (const ValueId v : graph_.node(s.node).inputs) {
        if (v != kNone && live_.root(v) != kNone && !again_[graph_.value(v).producer]) read_late_[live_.root(v)] = true;
      }
    }
  }

  void repeat_inputs(NodeId id, std::vector<bool>& done) {
    for (const ValueId v : graph_.node(id).inputs) {
      const NodeId p = v == kNone ? kNone : graph_.value(v).producer;
      if (p == kNone || !again_[p] || done[p]) continue;
      done[p] = true;
      repeat_inputs(p, done);
      steps_.push_back({p, true});
    }
  }

  // The first computation of that memory is read by the gradient or by repetitions.
  bool kept_late(ValueId root) const { return read_late_[root]; }

  // Where the value waits across the peak: last read before it by what comes first, and then read late.
  bool waits(ValueId root) const {
    const auto at = static_cast<int32_t>(peak_.step);
    const Liveness::Span& span = peak_.spans[root];
    if (span.first >= at || span.last <= at || !kept_late(root)) return false;
    for (const ValueId v : aliases_[root]) {
      for (const Use& use : graph_.value(v).uses) {
        const int32_t place = places_[use.node];
        if (late_[use.node] ? place <= at : place >= at) return false;
      }
    }
    return true;
  }

  std::optional<Choice> cheapest(const std::set<ValueId>& tried) const {
    std::optional<Choice> best;
    for (ValueId id = 0; id < graph_.value_count(); ++id) {
      if (live_.root(id) != id || live_.bytes(id) == 0 || tried.contains(id) || graph_.is_output(id) || !waits(id)) continue;
      Choice choice{id, {}, 0};
      int64_t small = 0;
      bool possible = true;
      for (const ValueId v : aliases_[id]) {
        const std::vector<Use>& uses = graph_.value(v).uses;
        if (std::any_of(uses.begin(), uses.end(), [&](const Use& u) { return late_[u.node] || again_[u.node]; }))
          possible = possible && add(graph_.value(v).producer, id, choice.nodes, small);
      }
      if (!possible || small >= live_.bytes(id)) continue;
      int64_t total = 0;
      for (const NodeId n : choice.nodes) total += weight(n);
      choice.ratio = static_cast<double>(total) / static_cast<double>(live_.bytes(id) - small);
      if (!best || choice.ratio < best->ratio) best = std::move(choice);
    }
    return best;
  }

  // The node, and what it needs that is not kept. False where something cannot be computed again.
  bool add(NodeId id, ValueId dropped, std::set<NodeId>& nodes, int64_t& small) const {
    if (again_[id] || nodes.contains(id)) return true;
    if (!can_repeat(id)) return false;
    nodes.insert(id);
    for (const ValueId v : graph_.node(id).inputs) {
      if (v == kNone || graph_.value(v).producer == kNone || live_.root(v) == kNone) continue;
      const ValueId root = live_.root(v);
      if (root != dropped && kept_late(root)) continue;
      if (root != dropped && live_.bytes(root) * kSmall <= live_.bytes(dropped)) {
        small += live_.bytes(root);
        continue;
      }
      if (!add(graph_.value(v).producer, dropped, nodes, small)) return false;
    }
    return true;
  }

  template <class Seen>
  NodeId repeat(Graph& graph, NodeId id, const Seen& seen, std::map<ValueId, ValueId>& copies) const {
    const Node& n = graph.node(id);
    std::vector<ValueId> inputs;
    for (const ValueId v : n.inputs) inputs.push_back(v == kNone ? kNone : seen(v));
    AddOptions options;
    if (!n.name.empty()) options.name = n.name + "/again";
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const ValueId v = n.outputs[i];
      const Formal& formal = n.op->outputs[std::min(i, n.op->outputs.size() - 1)];
      const bool wanted = v != kNone && (is_read_again(v) || (formal.flags & kOptional) == 0);
      options.output_names.push_back(wanted ? graph.value(v).name + "/again" : "");
    }
    const std::vector<ValueId> originals = n.outputs;
    const std::vector<ValueId> made = graph.add(*n.op, std::move(inputs), n.attributes, std::move(options));
    for (size_t i = 0; i < made.size(); ++i) {
      if (made[i] == kNone) continue;
      graph.value(made[i]).layout = graph.value(originals[i]).layout;
      copies[originals[i]] = made[i];
    }
    return graph.value(*std::find_if(made.begin(), made.end(), [](ValueId v) { return v != kNone; })).producer;
  }

  bool is_read_again(ValueId v) const {
    const std::vector<Use>& uses = graph_.value(v).uses;
    return std::any_of(uses.begin(), uses.end(), [&](const Use& u) { return late_[u.node] || again_[u.node]; });
  }

  const Graph& graph_;
  const Liveness live_;
  std::vector<NodeId> order_;
  std::vector<bool> again_, late_;              // by node: has a repetition; is no part of what the outputs need
  std::set<NodeId> pinned_;                     // kept, whatever it takes
  std::vector<std::vector<ValueId>> aliases_;   // by root: what lies in that memory
  std::map<NodeId, Cost> costs_;
  std::vector<Step> steps_;
  std::vector<int32_t> places_;   // by node, of its first computation
  std::vector<bool> read_late_;   // by root: the first computation is read late
  Liveness::Peak peak_;
};

}  // namespace

Recomputation recompute(Graph& graph, const Graph& sized, std::span<const NodeId> order, int64_t most_bytes) {
  Chooser chooser(sized, order);
  chooser.run(most_bytes);
  return chooser.apply(graph);
}

}  // namespace omni::passes
