#include "ops/evaluate.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "ops/bind_node.h"

namespace omni::ops {

namespace {

std::vector<PlannedValue> planned(std::span<const InferValue> values) {
  std::vector<PlannedValue> out(values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    if (!values[i].present) continue;
    out[i].present = true;
    out[i].dtype = values[i].type.dtype;
    out[i].shape = values[i].type.shape().value_or(Shape{});
    out[i].constant = values[i].constant;
  }
  return out;
}

// The node's own graph of primitives, run node by node.
std::optional<std::vector<Tensor>> evaluate_expansion(const Node& node, std::span<const std::optional<Tensor>> inputs, ThreadPool& pool, Isa isa,
                                                      const EvaluationLimits& limits) {
  Graph graph;
  Node copy;
  copy.op = node.op;
  copy.name = node.name;
  copy.attributes = node.attributes;
  std::map<ValueId, Tensor> known;
  for (const auto& input : inputs) {
    if (!input) {
      copy.inputs.push_back(kNone);
      continue;
    }
    copy.inputs.push_back(graph.add_constant("x", *input));
  }
  const std::vector<ValueId> sources = copy.inputs;
  const std::vector<ValueId> outputs = graph.add(*node.op, sources, node.attributes, {.output_count = static_cast<int>(node.outputs.size())});
  const std::vector<ValueId> results = node.op->expand(graph, graph.node(graph.value(outputs[0]).producer));
  for (const ValueId id : results) {
    if (id != kNone) graph.add_output(id);
  }
  for (const ValueId id : graph.constants()) known.emplace(id, graph.value(id).data);
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    if (n.op == node.op) continue;
    std::vector<std::optional<Tensor>> arguments;
    for (const ValueId v : n.inputs) arguments.push_back(v == kNone ? std::nullopt : std::optional(known.at(v)));
    auto values = evaluate(n, arguments, pool, isa, limits);
    if (!values) return std::nullopt;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (n.outputs[i] != kNone) known.emplace(n.outputs[i], std::move((*values)[i]));
    }
  }
  std::vector<Tensor> out;
  for (const ValueId id : results) out.push_back(id == kNone ? Tensor() : known.at(id));
  return out;
}

// Strings of a kernel that only moves elements, or asks whether they are equal: each text is a number, "" is 0, for as long as the kernel runs.
std::optional<std::vector<Tensor>> evaluate_numbered(const Node& node, std::span<const std::optional<Tensor>> inputs,
                                                     std::span<const InferValue> outputs, ThreadPool& pool, Isa isa,
                                                     const EvaluationLimits& limits) {
  std::vector<std::string> texts = {""};
  std::map<std::string, int64_t, std::less<>> numbers = {{"", 0}};
  std::vector<std::optional<Tensor>> numbered(inputs.begin(), inputs.end());
  for (auto& t : numbered) {
    if (!t || t->dtype() != DType::kString) continue;
    Tensor n(DType::kI64, t->shape());
    for (int64_t i = 0; i < t->count(); ++i) {
      const auto [at, fresh] = numbers.try_emplace(std::string(t->string_at(i)), static_cast<int64_t>(texts.size()));
      if (fresh) texts.emplace_back(t->string_at(i));
      n.mutable_values<int64_t>()[static_cast<size_t>(i)] = at->second;
    }
    t = n;
  }
  auto results = evaluate(node, numbered, pool, isa, limits);
  for (size_t i = 0; results && i < outputs.size(); ++i) {
    if (!outputs[i].present || outputs[i].type.dtype != DType::kString) continue;
    std::vector<std::string> back;
    for (const int64_t n : (*results)[i].values<int64_t>()) {
      if (n < 0 || n >= static_cast<int64_t>(texts.size())) return std::nullopt;  // it did arithmetic after all
      back.push_back(texts[static_cast<size_t>(n)]);
    }
    (*results)[i] = Tensor::strings((*results)[i].shape(), back);
  }
  return results;
}

// Four operations an element are no more than reading and writing it.
bool within(const EvaluationLimits& limits, const PlannedNode& n, size_t input_bytes, size_t output_bytes) {
  if (limits.growth != SIZE_MAX && output_bytes > input_bytes + limits.growth) return false;
  if (limits.operations == INT64_MAX) return true;
  const Cost cost = node_cost(n);
  return cost.operations / 4 <= limits.operations + cost.bytes;
}

size_t bytes_of(std::span<const PlannedValue> values) {
  size_t bytes = 0;
  for (const PlannedValue& v : values) bytes += v.present ? v.bytes() : 0;
  return bytes;
}

}  // namespace

std::optional<std::vector<Tensor>> evaluate(const Node& node, std::span<const std::optional<Tensor>> inputs, ThreadPool& pool, Isa isa,
                                            const EvaluationLimits& limits) {
  const OpDef& op = *node.op;
  if (!node.bodies.empty() || op.has(kRandom) || op.has(kSideEffect)) return std::nullopt;
  DimTable dims;
  std::vector<InferValue> in(inputs.size()), out(node.outputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    in[i] = {true, Type(inputs[i]->dtype(), inputs[i]->shape()), constant_contents(*inputs[i]), &*inputs[i]};
  }
  for (size_t i = 0; i < out.size(); ++i) out[i].present = node.outputs[i] != kNone;
  infer(node, in, out, dims);
  const std::vector<PlannedValue> planned_inputs = planned(in);
  const bool strings = std::any_of(inputs.begin(), inputs.end(), [](const auto& t) { return t && t->dtype() == DType::kString; });
  if (strings && op.has(kMovesData) && !op.has(kView)) return evaluate_numbered(node, inputs, out, pool, isa, limits);
  const bool given_memory = std::all_of(out.begin(), out.end(), [](const InferValue& v) {
    return !v.present || (v.type.kind == TypeKind::kTensor && v.type.is_static() && v.type.dtype != DType::kString);
  });
  if (op.produce != nullptr && (op.bind == nullptr || !given_memory)) {
    const std::vector<PlannedValue> unknown(out.size());
    std::vector<Tensor> arguments;
    for (const auto& t : inputs) arguments.push_back(t ? *t : Tensor());
    StatusSlot status;
    std::vector<Tensor> results = op.produce({op, node.name, node.attributes, planned_inputs, unknown, isa}, arguments, status);
    if (!status.status().ok()) throw Error(ErrorCode::kInvalidData, status.status().text, op_text(op) + " node " + quoted(node.name));
    return results;
  }
  for (const InferValue& v : out) {
    if (v.present && (v.type.kind != TypeKind::kTensor || !v.type.is_static())) return std::nullopt;
  }
  const std::vector<PlannedValue> planned_outputs = planned(out);
  std::vector<Tensor> results(out.size());
  if (op.has(kView) && inputs[0]) {
    results[0] = inputs[0]->reshaped(planned_outputs[0].shape);
    return results;
  }
  if (op.bind == nullptr) return op.expand == nullptr ? std::nullopt : evaluate_expansion(node, inputs, pool, isa, limits);
  const PlannedNode whole{op, node.name, node.attributes, planned_inputs, planned_outputs, isa};
  if (!within(limits, whole, bytes_of(planned_inputs), bytes_of(planned_outputs))) return std::nullopt;
  const Binding binding = bind_node(whole);
  std::vector<ConstTensorView> in_views(inputs.size());
  std::vector<TensorView> out_views(out.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i]) in_views[i] = inputs[i]->view();
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (!planned_outputs[i].present) continue;
    results[i] = Tensor(planned_outputs[i].dtype, planned_outputs[i].shape);
    out_views[i] = results[i].mutable_view();
  }
  const Tensor scratch(DType::kU8, Shape{static_cast<int64_t>(binding.scratch_bytes)});
  StatusSlot status;
  const KernelArgs args{in_views, out_views, binding.params.get(), static_cast<std::byte*>(const_cast<void*>(scratch.data())), &pool, &status};
  binding.fn(args);
  if (!status.status().ok()) throw Error(ErrorCode::kInvalidData, status.status().text, op_text(op) + " node " + quoted(node.name));
  return results;
}

}  // namespace omni::ops
