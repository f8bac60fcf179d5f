#include "runtime/savings.h"

#include <algorithm>

#include "passes/recompute.h"
#include "passes/schedule.h"
#include "runtime/plan.h"

namespace omni::runtime {

namespace {

// Between what is alive and what an arena takes are scratch and gaps; so often the goal for the first is corrected by what the second came to.
constexpr int kCorrections = 8;
// Packing smaller weights takes no memory that matters.
constexpr int64_t kSmallWeight = 4096;

struct Weight {
  NodeId node;
  int64_t bytes;
};

std::vector<Weight> packed_weights(const Graph& graph) {
  std::vector<Weight> weights;
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    int64_t bytes = 0;
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (!graph.is_constant(n.inputs[i]) || n.op->input_formal(static_cast<int>(i)).param != ParamKind::kWeight) continue;
      const Tensor& data = graph.value(n.inputs[i]).data;
      if (data.dtype() == DType::kF32) bytes += static_cast<int64_t>(data.bytes());
    }
    if (bytes >= kSmallWeight) weights.push_back({id, bytes});
  }
  return weights;
}

// At least `wanted` bytes of weights, none larger than it takes: the largest one needs so much scratch.
std::vector<bool> choose_unpacked(const Graph& graph, int64_t wanted, Saved& saved) {
  std::vector<Weight> weights = packed_weights(graph);
  std::stable_sort(weights.begin(), weights.end(), [](const Weight& a, const Weight& b) { return a.bytes < b.bytes; });
  size_t end = 0;
  for (int64_t sum = 0; end < weights.size() && sum < wanted; ++end) sum += weights[end].bytes;
  for (const Weight& w : weights) saved.weight_bytes += w.bytes;
  std::vector<bool> unpacked(graph.node_count(), false);
  while (end > 0 && saved.unpacked_bytes < wanted) {
    const Weight& w = weights[--end];
    unpacked[w.node] = true;
    saved.unpacked_bytes += w.bytes;
    ++saved.unpacked_weights;
  }
  return unpacked;
}

class Arranger {
 public:
  Arranger(Graph& graph, const Levers& levers, std::span<const Shape> shapes, const SessionOptions& options, Saved& saved)
      : graph_(graph), levers_(levers), shapes_(shapes), options_(options), saved_(saved) {}

  Arrangement arrange() {
    Arrangement result;
    if (levers_.order || levers_.arena_bytes > 0) {
      const Graph sized = passes::sized(graph_, shapes_);
      const passes::Schedule schedule = passes::schedule(sized);
      saved_.alive_before = schedule.before_bytes;
      saved_.alive_after = saved_.alive_before;
      if (takes_less(schedule)) {
        saved_.alive_after = schedule.peak_bytes;
        result.order = schedule.order;
      }
      if (levers_.arena_bytes > 0) recompute(sized, schedule.order, result.order);
    }
    if (levers_.unpacked_bytes > 0) result.unpacked = choose_unpacked(graph_, levers_.unpacked_bytes, saved_);
    return result;
  }

 private:
  // Scratch is not counted by a schedule. Where weights are states planning is cheap, since none are packed: there the arenas decide.
  bool takes_less(const passes::Schedule& schedule) const {
    if (schedule.peak_bytes >= schedule.before_bytes) return false;
    if (graph_.commits().empty()) return true;
    const auto graph = std::make_shared<const Graph>(graph_.clone());
    return arena_bytes(graph, schedule.order) < arena_bytes(graph, {});
  }

  // Starts from the order that keeps the least alive, even where scratch makes another one's arena smaller as it is. `order`: what is taken so far.
  void recompute(const Graph& sized, const std::vector<NodeId>& base, std::vector<NodeId>& order) {
    int64_t goal = levers_.arena_bytes, best = arena_bytes(std::make_shared<const Graph>(graph_.clone()), order);
    std::shared_ptr<Graph> chosen;
    for (int i = 0; i < kCorrections && best > levers_.arena_bytes; ++i) {
      auto trial = std::make_shared<Graph>(graph_.clone());
      const passes::Recomputation r = passes::recompute(*trial, sized, base, goal);
      const int64_t bytes = arena_bytes(trial, r.order);
      if (bytes < best) {
        best = bytes;
        chosen = std::move(trial);
        order = r.order;
        saved_.recomputed = r.values;
        saved_.kept = r.kept;
        saved_.operations = r.operations;
        saved_.more_operations = r.more_operations;
        saved_.alive_after = r.peak_bytes;
      }
      if (bytes <= levers_.arena_bytes || r.peak_bytes > goal) break;
      goal = std::min(goal, r.peak_bytes) - (bytes - levers_.arena_bytes);
    }
    if (chosen) graph_ = std::move(*chosen);
  }

  int64_t arena_bytes(std::shared_ptr<const Graph> graph, const std::vector<NodeId>& order) const {
    Model model = make_model(graph, options_.isa, {order, {}});
    const std::unique_ptr<Plan> plan = make_plan(model, shapes_);
    if (options_.after_pass) options_.after_pass("arrange", *graph);
    return static_cast<int64_t>(plan->first->arena_bytes);
  }

  Graph& graph_;
  const Levers& levers_;
  std::span<const Shape> shapes_;
  const SessionOptions& options_;
  Saved& saved_;
};

}  // namespace

void apply(const Levers& levers, std::vector<Shape> shapes, SessionOptions& options, std::shared_ptr<Saved> saved) {
  if (levers == Levers()) return;
  SessionOptions inner;
  inner.isa = options.isa;
  inner.after_pass = options.after_pass;
  options.arrange = [levers, inner, shapes = std::move(shapes), saved = saved ? std::move(saved) : std::make_shared<Saved>()](Graph& graph) {
    *saved = {};
    return Arranger(graph, levers, shapes, inner, *saved).arrange();
  };
}

}  // namespace omni::runtime
