#include "train/set_mode.h"

#include "core/error.h"
#include "ops/op_list.h"

namespace omni::train {

namespace {

std::string where(const Node& n) { return op_text(*n.op) + " node " + quoted(n.name); }

bool trained(const Graph& graph, const Node& n) {
  if (n.op != &ops::kBatchNormalization) return false;
  for (const size_t i : {1u, 2u}) {
    const Value& v = graph.value(n.inputs[i]);
    if (v.kind == ValueKind::kState && v.role == Role::kParameter) return true;
  }
  return false;
}

// The running statistics of that node as buffers.
void make_buffers(Graph& graph, const Node& n) {
  for (const size_t i : {3u, 4u}) {
    const Value& v = graph.value(n.inputs[i]);
    if (v.kind == ValueKind::kState && v.role == Role::kBuffer) continue;
    if (v.kind != ValueKind::kConstant) throw Error(ErrorCode::kUnsupported, "its running statistics are computed, not stored", where(n), "freeze it (--freeze)");
    graph.make_state(n.inputs[i], Role::kBuffer);
  }
}

// New nodes take over the name and the readers of the old one.
void take_over(Graph& graph, NodeId old, ValueId result) {
  const ValueId output = graph.node(old).outputs[0];
  const std::string name = graph.value(output).name;
  graph.replace_uses(output, result);
  graph.erase_node(old);
  graph.rename(result, name);
}

void to_training(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (n.attributes.get_int("training_mode", 0) != 0) throw Error(ErrorCode::kUnsupported, "was exported in training mode", where(n), "export it for inference");
  make_buffers(graph, n);
  const std::vector<ValueId> inputs = n.inputs;
  const auto named = [&](const char* suffix) { return graph.value(n.outputs[0]).name + suffix; };
  Attributes attributes;
  attributes.set("epsilon", n.attributes.get_float("epsilon", 1e-5f));
  attributes.set("momentum", n.attributes.get_float("momentum", 0.9f));
  const std::vector<ValueId> out = graph.add(ops::kBatchNormTrain, inputs, attributes,
                                             {.name = n.name, .output_names = {named(".train"), named(".next_mean"), named(".next_var"), named(".mean"), named(".inverse")}});
  graph.add_commit({inputs[3], out[1]});
  graph.add_commit({inputs[4], out[2]});
  take_over(graph, id, out[0]);
}

void to_inference(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  std::vector<Commit> commits;
  for (const Commit& c : graph.commits()) {
    if (c.next != n.outputs[1] && c.next != n.outputs[2]) commits.push_back(c);
  }
  graph.set_commits(std::move(commits));
  take_over(graph, id, graph.add1(ops::kBatchNormalization, n.inputs, n.attributes, {.name = n.name}));
}

float dropout_ratio(const Graph& graph, const Node& n) {
  if (n.inputs.size() < 2 || n.inputs[1] == kNone) return 0.5f;
  const Value& v = graph.value(n.inputs[1]);
  if (v.kind != ValueKind::kConstant) throw Error(ErrorCode::kUnsupported, "its ratio is computed, not a constant", where(n));
  return static_cast<float>(to_double(v.data).at(0));
}

void to_mask(Graph& graph, NodeId id, RandomInputs& inputs) {
  const auto scalar = [&](ValueId& value, const char* name) {
    if (value == kNone) value = graph.add_input(graph.unique_name(name), Type(DType::kI64, Shape{}));
  };
  scalar(inputs.seed, "seed");
  scalar(inputs.step, "step");
  const Node& n = graph.node(id);
  if (n.outputs.size() > 1 && n.outputs[1] != kNone && graph.use_count(n.outputs[1]) != 0) throw Error(ErrorCode::kUnsupported, "its mask is read", where(n));
  const std::string& stream = n.name.empty() ? graph.value(n.outputs[0]).name : n.name;
  take_over(graph, id, graph.add1(ops::kRandomMask, {n.inputs[0], inputs.seed, inputs.step}, {{"ratio", dropout_ratio(graph, n)}, {"stream", stream}}, {.name = n.name}));
}

void to_dropout(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  const ValueId ratio = graph.add_constant("ratio", Tensor::scalar(n.attributes.get_float("ratio", 0.5f)));
  take_over(graph, id, graph.add1(ops::kDropout, {n.inputs[0], ratio}, {}, {.name = n.name}));
}

}  // namespace

ModeReport set_mode(Graph& graph, Mode mode, RandomInputs inputs) {
  ModeReport report;
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    if (mode == Mode::kTrain && trained(graph, n)) to_training(graph, id), ++report.batch_norms;
    else if (mode == Mode::kTrain && n.op == &ops::kDropout) to_mask(graph, id, inputs), ++report.dropouts;
    else if (mode == Mode::kInfer && n.op == &ops::kBatchNormTrain) to_inference(graph, id), ++report.batch_norms;
    else if (mode == Mode::kInfer && n.op == &ops::kRandomMask) to_dropout(graph, id), ++report.dropouts;
  }
  report.inputs = inputs;
  return report;
}

void mark_buffers(Graph& graph) {
  for (const NodeId id : graph.order()) {
    if (trained(graph, graph.node(id))) make_buffers(graph, graph.node(id));
  }
}

}  // namespace omni::train
