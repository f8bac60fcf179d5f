#include "passes/fuse/batch_norm.h"

#include <cmath>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

struct Affine {
  std::vector<double> scale, shift;
};

std::optional<Affine> affine_of(const Graph& graph, const Node& norm) {
  if (norm.attributes.get_int("training_mode", 0) != 0) return std::nullopt;
  for (size_t i = 1; i < 5; ++i) {
    if (!graph.is_constant(norm.inputs[i]) || graph.type(norm.inputs[i]).dtype != DType::kF32) return std::nullopt;
  }
  const double epsilon = norm.attributes.get_float("epsilon", 1e-5f);
  const auto read = [&](size_t i) { return to_double(graph.value(norm.inputs[i]).data); };
  const std::vector<double> gamma = read(1), beta = read(2), mean = read(3), variance = read(4);
  Affine affine;
  for (size_t c = 0; c < gamma.size(); ++c) {
    const double s = gamma[c] / std::sqrt(variance[c] + epsilon);
    affine.scale.push_back(s);
    affine.shift.push_back(beta[c] - mean[c] * s);
  }
  return affine;
}

// Axis of the output channels, or -1 for another producer.
int channel_axis(const Node& product) {
  if (product.op == &ops::kConv) return 0;
  if (product.op == &ops::kGemm && product.attributes.get_float("alpha", 1) == 1 && product.attributes.get_float("beta", 1) == 1) {
    return product.attributes.get_int("transB", 0) != 0 ? 0 : 1;
  }
  return -1;
}

Tensor scaled(const Tensor& weights, int axis, const std::vector<double>& scale) {
  std::vector<double> w = to_double(weights);
  const int64_t inner = weights.shape().count(axis + 1), channels = weights.shape()[axis];
  for (size_t i = 0; i < w.size(); ++i) w[i] *= scale[static_cast<size_t>(static_cast<int64_t>(i) / inner % channels)];
  return from_double(DType::kF32, weights.shape(), w);
}

bool fuse_one(Graph& graph, NodeId id) {
  const Node& norm = graph.node(id);
  if (norm.op != &ops::kBatchNormalization || norm.outputs.size() > 1) return false;
  const ValueId x = norm.inputs[0];
  const Node* product = graph.producer(x);
  if (product == nullptr || graph.use_count(x) != 1) return false;
  const int axis = channel_axis(*product);
  if (axis < 0 || !graph.is_constant(product->inputs[1]) || graph.type(product->inputs[1]).dtype != DType::kF32) return false;
  const ValueId old_bias = product->inputs.size() > 2 ? product->inputs[2] : kNone;
  if (old_bias != kNone && (!graph.is_constant(old_bias) || graph.type(old_bias).rank() != 1)) return false;
  const std::optional<Affine> affine = affine_of(graph, norm);
  const size_t channels = affine ? affine->scale.size() : 0;
  if (!affine || graph.value(product->inputs[1]).data.shape()[axis] != static_cast<int64_t>(channels)) return false;

  const Value& weight = graph.value(product->inputs[1]);
  std::vector<double> bias = affine->shift;
  if (old_bias != kNone) {
    const std::vector<double> b = to_double(graph.value(old_bias).data);
    if (b.size() != channels) return false;
    for (size_t c = 0; c < channels; ++c) bias[c] += b[c] * affine->scale[c];
  }
  const std::string bias_name = old_bias != kNone ? graph.value(old_bias).name : weight.name + ".bias";
  const ValueId new_weight = graph.add_constant(weight.name, scaled(weight.data, axis, affine->scale), weight.role);
  const ValueId new_bias = graph.add_constant(bias_name, from_double(DType::kF32, Shape{static_cast<int64_t>(channels)}, bias), Role::kConstant);
  const NodeId producer = graph.value(x).producer;
  graph.set_node_inputs(producer, {product->inputs[0], new_weight, new_bias});
  const std::string name = graph.value(norm.outputs[0]).name;
  graph.replace_uses(norm.outputs[0], x);
  graph.erase_node(id);
  graph.rename(x, name);
  return true;
}

}  // namespace

bool fuse_batch_norm(Graph& graph, PassContext&) { return rewrite_nodes(graph, fuse_one); }

}  // namespace omni::passes
