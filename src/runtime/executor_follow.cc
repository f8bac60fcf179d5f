// From one segment of a plan to the next: what has to be seen first, and the plans that were made for it.
#include <algorithm>

#include "core/error.h"
#include "ops/evaluate.h"
#include "runtime/executor.h"

namespace omni::runtime {

namespace {

bool observable(const ValueState& v, bool floats) {
  if (v.constant != nullptr || v.boxed() || v.bytes() > kMaxContents * sizeof(int64_t)) return false;
  return v.dtype == DType::kI64 || v.dtype == DType::kI32 || v.dtype == DType::kBool || (floats && is_float(v.dtype) && v.shape.rank() <= 1);
}

constexpr size_t kLaterSegments = 16;  // that may live, for each plan
constexpr int64_t kBodyRun = 1000;  // operations that starting a body counts for

// What a node that allocates its own outputs counts for: each of its elements once.
int64_t elements(std::span<const Tensor> tensors) {
  int64_t count = 0;
  for (const Tensor& t : tensors) {
    count += t.count();
    for (const Tensor& e : t.elements()) count += e.count();
  }
  return count;
}

// Runs bodies of one node: their formal inputs come from the operator, what they capture from here.
class NodeBodies : public BodyRunner {
 public:
  NodeBodies(Executor& around, const Node& node, std::vector<std::unique_ptr<Executor>>& bodies, std::span<const Tensor> captured)
      : around_(around), node_(node), bodies_(bodies) {
    size_t at = 0;
    for (const int count : node.captures) {
      const auto first = captured.begin() + static_cast<ptrdiff_t>(at);
      captured_.emplace_back(first, first + count);
      at += static_cast<size_t>(count);
    }
  }

  const Graph& graph(size_t body) const override { return *node_.bodies[body]; }

  std::vector<Tensor> run(size_t body, std::span<const Tensor> formal) override {
    if (++runs_ > around_.options.limits.body_runs) {
      throw Error(ErrorCode::kUnsupported, "more than " + std::to_string(around_.options.limits.body_runs) + " iterations");
    }
    around_.spend(kBodyRun);
    std::vector<Tensor> inputs(formal.begin(), formal.end());
    inputs.insert(inputs.end(), captured_[body].begin(), captured_[body].end());
    std::vector<Tensor> results;
    const double begin = around_.options.profile ? around_.clock->now() : 0;
    bodies_[body]->run(inputs, {}, &results).check();
    if (around_.options.profile) around_.inner_seconds += around_.clock->now() - begin;
    return results;
  }

 private:
  Executor& around_;
  const Node& node_;
  std::vector<std::unique_ptr<Executor>>& bodies_;
  std::vector<std::vector<Tensor>> captured_;
  int64_t runs_ = 0;
};

}  // namespace

Segment& Executor::follow(Segment& segment) {
  key.clear();
  const auto append = [&](const void* data, size_t bytes) {
    if (bytes > 0) key.insert(key.end(), static_cast<const std::byte*>(data), static_cast<const std::byte*>(data) + bytes);
  };
  if (segment.kind == SegmentEnd::kProduce) {
    produce(segment);
    if (!status.status().ok()) return segment;
    for (const ValueId id : graph->node(model.order[segment.end - 1]).outputs) {
      if (id == kNone || segment.values[id].kind != TypeKind::kTensor) continue;
      const int64_t rank = produced[id].shape().rank();
      append(&rank, sizeof rank);
      append(produced[id].shape().begin(), static_cast<size_t>(rank) * sizeof(int64_t));
    }
  } else {
    if (segment.observe.empty()) segment.observe = choose_observed(segment);
    const Node& n = graph->node(model.order[segment.end]);
    for (const uint32_t i : segment.observe) append(address(segment.values[n.inputs[i]].place), segment.values[n.inputs[i]].bytes());
  }
  for (size_t i = 0; i < segment.next.size(); ++i) {
    if (segment.next[i].key != key) continue;
    const auto first = segment.next.begin();
    std::rotate(first, first + static_cast<ptrdiff_t>(i), first + static_cast<ptrdiff_t>(i) + 1);
    return *segment.next.front().segment;
  }
  std::unique_ptr<Segment> planned = plan_next(segment);
  ++plans_made;
  if (segment.next.size() >= options.max_plans) segment.next.pop_back();
  segment.next.insert(segment.next.begin(), {key, std::move(planned)});
  if (++later_segments > kLaterSegments * options.max_plans) keep_path();
  return *segment.next.front().segment;
}

// What was planned behind the first segments forks at every one, so that a bound on the forks alone would bound little: of everything only what the
// present run went through stays.
void Executor::keep_path() {
  for (size_t i = 1; i < plans.size(); ++i) plans[i]->first->next.clear();
  later_segments = 0;
  for (Segment* s = plans.front()->first.get(); !s->next.empty(); s = s->next.front().segment.get()) {
    s->next.resize(1);
    ++later_segments;
  }
}

// The value itself where it is a tensor of somebody's, else a view of its bytes.
Tensor Executor::tensor_of(const ValueState& v) {
  const Tensor* tensor = nullptr;
  if (v.place.space == Space::kInput) tensor = &given[v.place.index];
  if (v.place.space == Space::kProduced) tensor = &produced[v.place.index];
  if (v.place.space == Space::kConstant) tensor = v.constant;
  if (v.kind != TypeKind::kTensor) return tensor != nullptr ? *tensor : Tensor();
  if (tensor != nullptr && tensor->dtype() == v.dtype && tensor->count() == v.shape.count()) return tensor->reshaped(v.shape);
  return Tensor::view(v.dtype, v.shape, address(v.place), nullptr);
}

// The results of the node that allocates its own outputs.
std::vector<Tensor> Executor::produce_results(const Segment& segment, const Node& n) {
  const bool keeps_inputs = std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId id) { return id != kNone && segment.values[id].boxed(); });
  std::vector<Tensor> arguments;
  for (const ValueId id : n.inputs) {
    arguments.push_back(id == kNone ? Tensor() : peek(segment, id));
    if (keeps_inputs) arguments.back() = arguments.back().kept();
  }
  const auto own = static_cast<size_t>(n.own_inputs());
  const PlannedNode node{*n.op, n.name, n.attributes, std::span(segment.tail_inputs).first(own), segment.tail_outputs, model.isa};
  if (n.op->control != nullptr) {
    const std::span<const Tensor> all(arguments);
    NodeBodies runner(*this, n, bodies.at(model.order[segment.end - 1]), all.subspan(own));
    return n.op->control(node, all.first(own), runner, status);
  }
  if (n.op->produce != nullptr) return n.op->produce(node, arguments, status);
  std::vector<std::optional<Tensor>> given_inputs;
  for (size_t i = 0; i < arguments.size(); ++i) given_inputs.push_back(n.inputs[i] == kNone ? std::nullopt : std::optional(arguments[i]));
  const auto evaluated = ops::evaluate(n, given_inputs, *pool, model.isa);
  if (!evaluated) throw Error(ErrorCode::kUnsupported, "no kernel for strings", op_text(*n.op) + " node " + quoted(name_of(n)));
  return *evaluated;
}

void Executor::produce(Segment& segment) {
  const Node& n = graph->node(model.order[segment.end - 1]);
  const double begin = options.profile ? clock->now() : 0;
  inner_seconds = 0;
  std::vector<Tensor> made = produce_results(segment, n);
  spend(kNodeOperations + elements(made));
  if (!status.status().ok()) {
    failed = &n;
    return;
  }
  if (options.profile) clock->record(segment.tail_profile, begin, clock->now() - inner_seconds);  // its bodies' nodes have rows of their own
  if (produced.empty()) produced.resize(graph->value_count());
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    if (n.outputs[i] == kNone) continue;
    const ValueState& expected = segment.values[n.outputs[i]];
    const bool tensor = i < made.size() && !made[i].is_sequence() && !made[i].is_nothing();
    const bool fits = i < made.size() && made[i].dtype() == expected.dtype && (tensor || expected.kind != TypeKind::kTensor);
    if (!fits) throw Error(ErrorCode::kInternal, "the operator did not produce what it declares", op_text(*n.op) + " node " + quoted(name_of(n)));
    produced[n.outputs[i]] = made[i].kept();
  }
}

// The fewest inputs whose contents make the node's shapes known: one (the last that does), else all small integers, else all that is small.
std::vector<uint32_t> Executor::choose_observed(const Segment& segment) {
  const Node& n = graph->node(model.order[segment.end]);
  std::vector<Tensor> peeked(n.inputs.size());
  std::vector<uint32_t> integers, all;
  for (uint32_t i = 0; i < n.inputs.size(); ++i) {
    if (n.inputs[i] == kNone || !observable(segment.values[n.inputs[i]], true)) continue;
    peeked[i] = peek(segment, n.inputs[i]);
    all.push_back(i);
    if (observable(segment.values[n.inputs[i]], false)) integers.push_back(i);
  }
  const auto suffices = [&](std::span<const uint32_t> chosen) {
    std::vector<const Tensor*> seen(n.inputs.size(), nullptr);
    for (const uint32_t i : chosen) seen[i] = &peeked[i];
    std::vector<InferValue> inferred;
    DimTable dims;  // of this question alone: a table never forgets
    return infer_concrete(*graph, dims, n, segment.values, seen, inferred) || n.op->produce != nullptr;
  };
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (suffices(std::span(&*it, 1))) return {*it};
  }
  return suffices(integers) ? integers : all;
}

std::unique_ptr<Segment> Executor::plan_next(const Segment& segment) {
  std::vector<ValueState> values = segment.values;
  std::deque<Tensor> owned;
  const bool observed = segment.kind == SegmentEnd::kObserve;
  if (observed) {
    const Node& n = graph->node(model.order[segment.end]);
    for (const uint32_t i : segment.observe) {
      ValueState& v = values[n.inputs[i]];
      const Tensor seen = peek(segment, n.inputs[i]);
      v.constant = &owned.emplace_back(Tensor::from_bytes(v.dtype, v.shape, {static_cast<const std::byte*>(seen.data()), seen.bytes()}));
      v.contents = constant_contents(*v.constant);
    }
  } else {
    for (const ValueId id : graph->node(model.order[segment.end - 1]).outputs) {
      if (id == kNone) continue;
      values[id].known = true;
      if (values[id].kind == TypeKind::kTensor) values[id].shape = produced[id].shape();
    }
  }
  DimTable dims;  // what stays are constants; a table for all segments would grow with every one
  return make_segment(model, dims, std::move(values), segment.end, segment.depth + 1, std::move(owned), observed);
}

}  // namespace omni::runtime
