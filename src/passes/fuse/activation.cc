#include "passes/fuse/activation.h"

#include <limits>

#include "ops/op_list.h"

namespace omni::passes {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Bounds {
  float lo = -kInfinity, hi = kInfinity;
};

std::optional<float> scalar(const Graph& graph, const Node& n, size_t i, float fallback) {
  if (i >= n.inputs.size() || n.inputs[i] == kNone) return fallback;
  if (!graph.is_constant(n.inputs[i])) return std::nullopt;
  const Tensor& t = graph.value(n.inputs[i]).data;
  if (t.dtype() != DType::kF32 || t.count() != 1) return std::nullopt;
  return t.values<float>()[0];
}

std::optional<Bounds> bounds_of(const Graph& graph, const Node& n) {
  if (n.op == &ops::kRelu) return Bounds{0, kInfinity};
  if (n.op != &ops::kClip) return std::nullopt;
  const std::optional<float> lo = scalar(graph, n, 1, -kInfinity), hi = scalar(graph, n, 2, kInfinity);
  if (!lo || !hi || !(*lo <= *hi)) return std::nullopt;
  return Bounds{*lo, *hi};
}

bool f32(const Graph& graph, ValueId id) { return graph.type(id).dtype == DType::kF32; }

// The producer of `id` when `id` has no other reader.
const Node* sole_producer(const Graph& graph, ValueId id) { return graph.use_count(id) == 1 ? graph.producer(id) : nullptr; }

bool clamped_already(const Node& n) { return n.attributes.has("min") || n.attributes.has("max"); }

void replace(Graph& graph, NodeId id, const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, const std::string& node_name) {
  const ValueId out = graph.node(id).outputs[0];
  const std::string name = graph.value(out).name;
  const ValueId fused = graph.add1(op, std::move(inputs), std::move(attributes), {.name = node_name, .output_names = {name + ".fused"}});
  graph.replace_uses(out, fused);
  graph.erase_node(id);
  graph.rename(fused, name);
}

bool fuse_clamp(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  const std::optional<Bounds> bounds = bounds_of(graph, n);
  if (!bounds || !f32(graph, n.inputs[0])) return false;
  const Node* product = sole_producer(graph, n.inputs[0]);
  if (product == nullptr || clamped_already(*product)) return false;
  const bool conv = product->op == &ops::kConv || product->op == &ops::kFusedConv;
  if (!conv && product->op != &ops::kGemm) return false;
  Attributes attributes = product->attributes;
  if (bounds->lo != -kInfinity) attributes.set("min", bounds->lo);
  if (bounds->hi != kInfinity) attributes.set("max", bounds->hi);
  replace(graph, id, conv ? ops::kFusedConv : ops::kFusedGemm, product->inputs, std::move(attributes), product->name);
  return true;
}

// Add of a convolution nobody else reads and another tensor of the very same shape.
bool fuse_residual(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (n.op != &ops::kAdd || !f32(graph, n.inputs[0]) || n.inputs[0] == n.inputs[1]) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId residual = n.inputs[1 - side];
    const Node* conv = sole_producer(graph, n.inputs[side]);
    if (conv == nullptr || conv->op != &ops::kConv || graph.is_constant(residual)) continue;
    if (!(graph.type(residual) == graph.type(n.inputs[side])) || graph.type(residual).rank() < 3) continue;
    std::vector<ValueId> inputs = conv->inputs;
    inputs.resize(3, kNone);
    inputs.push_back(residual);
    replace(graph, id, ops::kFusedConv, std::move(inputs), conv->attributes, conv->name);
    return true;
  }
  return false;
}

}  // namespace

bool fuse_activation(Graph& graph, PassContext& context) {
  bool any = false;
  for (const NodeId id : graph.order()) {
    for (const auto& body : graph.node(id).bodies) any |= fuse_activation(*body, context);
    any |= fuse_residual(graph, id) || fuse_clamp(graph, id);
  }
  if (any) graph.erase_dead();
  return any;
}

}  // namespace omni::passes
