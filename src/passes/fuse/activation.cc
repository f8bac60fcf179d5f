#include "passes/fuse/activation.h"

#include <limits>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Bounds {
  float lo = -kInfinity, hi = kInfinity;
};

// Input i as a number, the fallback where it is absent; nothing where it is no constant.
std::optional<float> bound(const Graph& graph, const Node& n, size_t i, float fallback) {
  if (i >= n.inputs.size() || n.inputs[i] == kNone) return fallback;
  const std::optional<double> value = scalar_constant(graph, n.inputs[i]);
  return value ? std::optional(static_cast<float>(*value)) : std::nullopt;
}

std::optional<Bounds> bounds_of(const Graph& graph, const Node& n) {
  if (n.op == &ops::kRelu) return Bounds{0, kInfinity};
  if (n.op != &ops::kClip) return std::nullopt;
  const std::optional<float> lo = bound(graph, n, 1, -kInfinity), hi = bound(graph, n, 2, kInfinity);
  if (!lo || !hi || !(*lo <= *hi)) return std::nullopt;
  return Bounds{*lo, *hi};
}

bool f32(const Graph& graph, ValueId id) { return graph.type(id).dtype == DType::kF32; }

// The producer of `id` when `id` has no other reader.
const Node* sole_producer(const Graph& graph, ValueId id) { return graph.use_count(id) == 1 ? graph.producer(id) : nullptr; }

bool clamped_already(const Node& n) { return n.attributes.has("min") || n.attributes.has("max"); }

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
  replace_value(graph, n.outputs[0], conv ? ops::kFusedConv : ops::kFusedGemm, product->inputs, std::move(attributes), product->name);
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
    replace_value(graph, n.outputs[0], ops::kFusedConv, std::move(inputs), conv->attributes, conv->name);
    return true;
  }
  return false;
}

}  // namespace

bool fuse_activation(Graph& graph, PassContext&) { return rewrite_nodes(graph, [](Graph& g, NodeId id) { return fuse_residual(g, id) || fuse_clamp(g, id); }); }

}  // namespace omni::passes
