#include "api/access.h"

namespace omni {

namespace {

// What can be told without sizes.
void count_weights(const graph::Graph& graph, Summary& summary) {
  for (graph::ValueId id = 0; id < graph.value_count(); ++id) {
    const graph::Value& value = graph.value(id);
    if (value.erased || (value.kind != graph::ValueKind::kConstant && value.kind != graph::ValueKind::kState)) continue;
    summary.weight_bytes += static_cast<int64_t>(value.data.bytes());
    if (core::is_float(value.data.dtype()) && value.data.shape().rank() > 0) summary.parameters += value.data.count();
  }
}

void fill_costs(const graph::Graph& graph, const InputShapes& shapes, Summary& summary) {
  const runtime::GraphCost cost = runtime::count_cost(graph, api::symbol_sizes(graph, shapes));
  summary.parameters = cost.parameters;
  summary.weight_bytes = cost.constant_bytes;
  summary.operations = cost.operations;
  summary.bytes = cost.bytes;
  summary.peak_memory_bytes = cost.peak_bytes;
  for (const runtime::NodeCost& node : cost.nodes) {
    summary.nodes.push_back({node.name, node.op, node.output, node.operations, node.bytes, node.parameters});
  }
}

}  // namespace

Summary Graph::summary(const InputShapes& shapes) const {
  const graph::Graph& graph = *impl_->graph;
  Summary summary;
  summary.inputs = inputs();
  summary.outputs = outputs();
  api::symbol_sizes(graph, shapes);  // wrong use is refused, whatever else is unknown
  for (const graph::NodeId id : graph.order()) ++summary.operators[graph::op_text(*graph.node(id).op)];
  try {
    fill_costs(graph, shapes, summary);
  } catch (const Error& error) {
    summary.missing = std::string("operations and memory are not known: ") + error.what();
    summary.nodes.clear();
    summary.parameters = summary.weight_bytes = 0;
    count_weights(graph, summary);
    for (const graph::NodeId id : graph.order()) {
      const graph::Node& node = graph.node(id);
      const bool has_output = !node.outputs.empty() && node.outputs[0] != graph::kNone;
      summary.nodes.push_back(
          {node.name, graph::op_text(*node.op), has_output ? graph::type_text(graph.type(node.outputs[0]), graph.dims()) : "", 0, 0, 0});
    }
  }
  return summary;
}

}  // namespace omni
