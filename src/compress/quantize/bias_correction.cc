#include "compress/quantize/bias_correction.h"

#include "compress/quantize/weights.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

bool correctable(const Graph& graph, const Node& n) {
  if (n.op != &ops::kConv && n.op != &ops::kGemm) return false;
  if (!graph.is_constant(n.inputs[1]) || graph.type(n.inputs[1]).dtype != DType::kF32) return false;
  return n.inputs.size() < 3 || n.inputs[2] == kNone || (graph.is_constant(n.inputs[2]) && graph.type(n.inputs[2]).rank() == 1);
}

// The contribution of rounding to each output channel's mean.
std::vector<double> shift_of(const Graph& graph, const Node& n, const std::vector<double>& mean) {
  const Tensor& w = graph.value(n.inputs[1]).data;
  const bool by_rows = n.op == &ops::kConv || n.attributes.get_int("transB", 0) != 0;
  const int axis = by_rows ? 0 : 1;
  const Int8Weights q = quantize_int8(w, axis);
  const size_t outputs = static_cast<size_t>(w.shape()[axis]), inputs = static_cast<size_t>(w.shape()[1 - axis]), taps = static_cast<size_t>(w.shape().count(2));
  const size_t each = outputs / static_cast<size_t>(n.attributes.get_int("group", 1));
  std::vector<double> shift(outputs, 0.0);
  for (size_t o = 0; o < outputs; ++o) {
    for (size_t i = 0; i < inputs; ++i) {
      for (size_t t = 0; t < taps; ++t) {
        const size_t at = by_rows ? (o * inputs + i) * taps + t : i * outputs + o;
        const double rounded = static_cast<double>(q.values.values<int8_t>()[at]) * q.scales.values<float>()[o];
        shift[o] += (rounded - w.values<float>()[at]) * mean[n.op == &ops::kConv ? o / each * inputs + i : i];
      }
    }
  }
  return shift;
}

}  // namespace

size_t correct_biases(Graph& graph, std::span<const NodeId> products, const runtime::SampleSource& source, const CalibrateOptions& options, PassContext& context) {
  Captures captures(graph);
  std::vector<NodeId> corrected;
  for (const NodeId id : products) {
    const Node& n = graph.node(id);
    if (!correctable(graph, n)) continue;
    const Shape& w = graph.value(n.inputs[1]).data.shape();
    const bool conv = n.op == &ops::kConv, transposed = n.op == &ops::kGemm && n.attributes.get_int("transB", 0) != 0;
    const int64_t channels = conv ? w[1] * n.attributes.get_int("group", 1) : transposed ? w[1] : w[0];
    captures.channel_mean(n.inputs[0], conv ? 1 : graph.type(n.inputs[0]).rank() - 1, channels);
    corrected.push_back(id);
  }
  calibrate(graph, captures, source, options);
  std::vector<std::vector<double>> shifts;
  for (const NodeId id : corrected) shifts.push_back(shift_of(graph, graph.node(id), captures.channel_mean_of(graph.node(id).inputs[0])));
  for (size_t i = 0; i < corrected.size(); ++i) {
    const Node& n = graph.node(corrected[i]);
    const ValueId old = n.inputs.size() > 2 ? n.inputs[2] : kNone;
    std::vector<double> bias = old == kNone ? std::vector<double>(shifts[i].size(), 0.0) : to_double(graph.value(old).data);
    if (bias.size() != shifts[i].size()) bias = std::vector<double>(shifts[i].size(), bias.at(0));
    for (size_t c = 0; c < bias.size(); ++c) bias[c] -= shifts[i][c];
    const std::string name = old == kNone ? graph.value(n.inputs[1]).name + ".bias" : graph.value(old).name;
    const ValueId stored = graph.add_constant(name, from_double(DType::kF32, Shape{static_cast<int64_t>(bias.size())}, bias), Role::kParameter);
    graph.set_node_inputs(corrected[i], {n.inputs[0], n.inputs[1], stored});
    if (old == kNone || graph.use_count(old) != 0) continue;
    graph.erase_value(old);
    graph.rename(stored, name);
  }
  context.notes.push_back("bias correction: " + std::to_string(corrected.size()) + " layers");
  return corrected.size();
}

}  // namespace omni::compress
