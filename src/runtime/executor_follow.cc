// From one segment of a plan to the next: what has to be seen first, and the plans that were made for it.
#include <algorithm>

#include "core/error.h"
#include "runtime/executor.h"

namespace omni::runtime {

namespace {

bool observable(const ValueState& v, bool floats) {
  if (v.constant != nullptr || v.dtype == DType::kString || v.bytes() > kMaxContents * sizeof(int64_t)) return false;
  return v.dtype == DType::kI64 || v.dtype == DType::kI32 || v.dtype == DType::kBool || (floats && is_float(v.dtype) && v.shape.rank() <= 1);
}

}  // namespace

Segment& Executor::follow(Plan& plan, Segment& segment) {
  key.clear();
  const auto append = [&](const void* data, size_t bytes) {
    if (bytes > 0) key.insert(key.end(), static_cast<const std::byte*>(data), static_cast<const std::byte*>(data) + bytes);
  };
  if (segment.kind == SegmentEnd::kProduce) {
    produce(segment);
    if (!status.status().ok()) return segment;
    for (const ValueId id : graph->node(model.order[segment.end - 1]).outputs) {
      if (id == kNone) continue;
      const int64_t rank = produced[id].shape().rank();
      append(&rank, sizeof rank);
      append(produced[id].shape().begin(), static_cast<size_t>(rank) * sizeof(int64_t));
    }
  } else {
    if (segment.observe.empty()) segment.observe = choose_observed(plan, segment);
    const Node& n = graph->node(model.order[segment.end]);
    for (const uint32_t i : segment.observe) append(address(segment.values[n.inputs[i]].place), segment.values[n.inputs[i]].bytes());
  }
  for (size_t i = 0; i < segment.next.size(); ++i) {
    if (segment.next[i].key != key) continue;
    const auto first = segment.next.begin();
    std::rotate(first, first + static_cast<ptrdiff_t>(i), first + static_cast<ptrdiff_t>(i) + 1);
    return *segment.next.front().segment;
  }
  std::unique_ptr<Segment> planned = plan_next(plan, segment);
  ++plans_made;
  if (segment.next.size() >= options.max_plans) segment.next.pop_back();
  segment.next.insert(segment.next.begin(), {key, std::move(planned)});
  return *segment.next.front().segment;
}

Tensor Executor::peek(const Segment& segment, ValueId id) {
  const ValueState& v = segment.values[id];
  return Tensor::view(v.dtype, v.shape, address(v.place), nullptr);
}

// Runs the node that allocates its own outputs.
void Executor::produce(Segment& segment) {
  const Node& n = graph->node(model.order[segment.end - 1]);
  std::vector<Tensor> arguments;
  for (const ValueId id : n.inputs) arguments.push_back(id == kNone ? Tensor() : peek(segment, id));
  const PlannedNode node{*n.op, n.name, n.attributes, segment.tail_inputs, segment.tail_outputs, model.isa};
  std::vector<Tensor> results = n.op->produce(node, arguments, status);
  if (!status.status().ok()) {
    failed = &n;
    return;
  }
  if (produced.empty()) produced.resize(graph->value_count());
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    if (n.outputs[i] == kNone) continue;
    const bool fits = i < results.size() && results[i].dtype() == segment.values[n.outputs[i]].dtype;
    if (!fits) throw Error(ErrorCode::kInternal, "the operator did not produce what it declares", op_text(*n.op) + " node " + quoted(name_of(n)));
    produced[n.outputs[i]] = std::move(results[i]);
  }
}

// The fewest inputs whose contents make the node's shapes known: one (the last that does), else all small integers, else all that is small.
std::vector<uint32_t> Executor::choose_observed(Plan& plan, const Segment& segment) {
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
    return infer_concrete(*graph, plan.dims, n, segment.values, seen, inferred) || n.op->produce != nullptr;
  };
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (suffices(std::span(&*it, 1))) return {*it};
  }
  return suffices(integers) ? integers : all;
}

std::unique_ptr<Segment> Executor::plan_next(Plan& plan, const Segment& segment) {
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
      values[id].shape = produced[id].shape();
    }
  }
  return make_segment(model, plan.dims, std::move(values), segment.end, segment.depth + 1, std::move(owned), observed);
}

}  // namespace omni::runtime
