#include "formats/onnx/lower_graph.h"

#include "formats/onnx/output_names.h"
#include "ops/op_list.h"

namespace omni::formats {

namespace {

constexpr int kMaxRounds = 32;  // expansions of expansions; more means that two of them go in a circle

std::string node_text(const Graph& graph, const Node& node) {
  if (!node.name.empty()) return node.name;
  for (const ValueId id : node.outputs) {
    if (id != kNone) return graph.value(id).name;
  }
  return std::string(node.op->name);
}

// Why the node cannot be written as it is; "" when it can.
std::string obstacle(const Graph& graph, const Node& node, int64_t opset) {
  try {
    lower_node(graph, node, opset);
    return {};
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    return error.summary();
  }
}

void expand(Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  const size_t before = graph.value_count();
  const std::vector<ValueId> results = node.op->expand(graph, node);
  std::vector<std::pair<ValueId, std::string>> names;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] == kNone) continue;
    graph.replace_uses(node.outputs[i], results.at(i));
    if (results[i] >= before && graph.value(results[i]).kind == ValueKind::kResult) names.emplace_back(results[i], graph.value(node.outputs[i]).name);
  }
  graph.erase_node(id);
  for (const auto& [value, name] : names) graph.rename(value, name);
}

// One pass over the nodes; true if any was expanded.
bool expand_once(Graph& graph, int64_t opset, UnsupportedReport* report) {
  bool any = false;
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (const auto& body : node.bodies) any = expand_once(*body, opset, report) || any;
    const std::string reason = obstacle(graph, node, opset);
    if (reason.empty()) continue;
    if (node.op->expand != nullptr && report == nullptr) {
      expand(graph, id);
      any = true;
    } else if (report != nullptr) {
      report->add(node.op->domain, node.op->name, node.op->newest(), node_text(graph, node), reason);
    }
  }
  return any;
}

}  // namespace

NodeDraft lower_node(const Graph& graph, const Node& node, int64_t opset) {
  NodeDraft draft;
  draft.op = node.op;
  draft.name = node.name;
  draft.inputs.assign(node.inputs.begin(), node.inputs.begin() + node.own_inputs());
  draft.output_count = static_cast<int>(node.outputs.size());
  draft.attributes = node.attributes;
  if (node.op->domain == "ai.omni") throw Error(ErrorCode::kUnsupported, "ONNX has no such operator");
  if (!node.op->domain.empty()) return draft;
  const std::span<const OpVersion> versions = node.op->versions;
  for (size_t i = 0; i < versions.size(); ++i) {
    // Going down from the newest; versions[i] is written when the opset has reached it.
    if (i > 0 && versions[i].lower != nullptr) versions[i].lower(graph, draft);
    if (versions[i].since <= opset) return draft;
  }
  if (versions.empty()) return draft;
  throw Error(ErrorCode::kUnsupported, "the operator is in ONNX since opset " + std::to_string(versions.back().since));
}

void expand_for(Graph& graph, int64_t opset, UnsupportedReport& report) {
  std::vector<std::string> names;
  for (const ValueId id : graph.outputs()) names.push_back(graph.value(id).name);
  int rounds = 0;
  while (expand_once(graph, opset, nullptr)) {
    if (++rounds > kMaxRounds) throw Error(ErrorCode::kInternal, "expansions of operators that go in a circle", "graph " + quoted(graph.name()));
  }
  expand_once(graph, opset, &report);
  const std::vector<ValueId> outputs = graph.outputs();
  graph.set_outputs({});
  for (size_t i = 0; i < outputs.size(); ++i) graph.add_output(named_output(graph, outputs[i], names[i], ops::find_op));
}

}  // namespace omni::formats
