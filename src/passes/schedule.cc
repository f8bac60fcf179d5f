#include "passes/schedule.h"

#include <algorithm>

namespace omni::passes {

namespace {

std::vector<NodeId> order_from_the_end(const Graph& graph) {
  Graph turned = graph.clone();
  std::vector<Commit> commits = turned.commits();
  std::reverse(commits.begin(), commits.end());
  turned.set_commits(std::move(commits));
  return turned.order();
}

class Greedy {
 public:
  Greedy(const Graph& graph, const Liveness& live, std::vector<NodeId> base)
      : graph_(graph), live_(live), base_(std::move(base)), missing_(graph.node_count(), 0), readers_(graph.value_count(), 0), place_(graph.node_count(), 0) {
    for (size_t i = 0; i < base_.size(); ++i) {
      const NodeId id = base_[i];
      place_[id] = i;
      for (const ValueId v : distinct_inputs(id)) {
        if (graph_.value(v).producer != kNone) ++missing_[id];
      }
      for (const ValueId r : distinct_roots(id)) ++readers_[r];
      if (missing_[id] == 0) ready_.push_back(id);
    }
  }

  std::vector<NodeId> run() {
    std::vector<NodeId> order;
    while (!ready_.empty()) {
      const auto best = std::min_element(ready_.begin(), ready_.end(), [&](NodeId a, NodeId b) {
        const int64_t x = growth(a), y = growth(b);
        return x != y ? x < y : place_[a] < place_[b];
      });
      const NodeId id = *best;
      ready_.erase(best);
      order.push_back(id);
      for (const ValueId r : distinct_roots(id)) --readers_[r];
      for (const ValueId out : graph_.node(id).outputs) {
        if (out != kNone) release(out);
      }
    }
    return order;
  }

 private:
  std::vector<ValueId> distinct_inputs(NodeId id) const {
    std::vector<ValueId> ids;
    for (const ValueId v : graph_.node(id).inputs) {
      if (v != kNone && std::find(ids.begin(), ids.end(), v) == ids.end()) ids.push_back(v);
    }
    return ids;
  }
  // Of what it reads; a view reads nothing.
  std::vector<ValueId> distinct_roots(NodeId id) const {
    std::vector<ValueId> roots;
    for (const ValueId v : graph_.node(id).inputs) {
      if (v == kNone || live_.root(v) == kNone || graph_.node(id).op->has(kView)) continue;
      if (std::find(roots.begin(), roots.end(), live_.root(v)) == roots.end()) roots.push_back(live_.root(v));
    }
    return roots;
  }
  void release(ValueId out) {
    std::vector<NodeId> told;
    for (const Use& use : graph_.value(out).uses) {
      if (std::find(told.begin(), told.end(), use.node) != told.end()) continue;
      told.push_back(use.node);
      if (--missing_[use.node] == 0) ready_.push_back(use.node);
    }
  }
  // Whether it writes nothing but next values of states.
  bool ends(NodeId id) const {
    return std::all_of(graph_.node(id).outputs.begin(), graph_.node(id).outputs.end(), [&](ValueId v) { return v == kNone || live_.bytes(v) == 0; });
  }
  // Bytes that are alive after the node and were not before. What only updates read is gone at once.
  int64_t growth(NodeId id) const {
    int64_t bytes = 0;
    for (const ValueId out : graph_.node(id).outputs) {
      if (out == kNone || live_.root(out) != out) continue;
      const std::vector<Use>& uses = graph_.value(out).uses;
      if (uses.empty() || !std::all_of(uses.begin(), uses.end(), [&](const Use& u) { return ends(u.node); })) bytes += live_.bytes(out);
    }
    for (const ValueId r : distinct_roots(id)) {
      if (readers_[r] == 1) bytes -= live_.bytes(r);
    }
    return bytes;
  }

  const Graph& graph_;
  const Liveness& live_;
  std::vector<NodeId> base_;
  std::vector<int> missing_;  // inputs that are not there yet, by node
  std::vector<int> readers_;  // nodes that have yet to read it, by value
  std::vector<size_t> place_;
  std::vector<NodeId> ready_;
};

}  // namespace

Schedule schedule(const Graph& sized) {
  Schedule best;
  best.order = sized.order();
  const Liveness live(sized);
  if (!live.known()) return best;
  const auto peak = [&](const std::vector<NodeId>& order) {
    std::vector<Step> steps;
    for (const NodeId id : order) steps.push_back({id});
    return live.peak(steps).bytes;
  };
  best.peak_bytes = best.before_bytes = peak(best.order);
  for (std::vector<NodeId>& order : std::vector{order_from_the_end(sized), Greedy(sized, live, best.order).run()}) {
    const int64_t bytes = peak(order);
    if (order.size() != best.order.size() || bytes >= best.peak_bytes) continue;
    best.order = std::move(order);
    best.peak_bytes = bytes;
  }
  return best;
}

}  // namespace omni::passes
