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
  if (!conv && product->op != &ops::kGemm && product->op != &ops::kFusedGemm) return false;
  Attributes attributes = product->attributes;
  if (bounds->lo != -kInfinity) attributes.set("min", bounds->lo);
  if (bounds->hi != kInfinity) attributes.set("max", bounds->hi);
  replace_value(graph, n.outputs[0], conv ? ops::kFusedConv : ops::kFusedGemm, product->inputs, std::move(attributes), product->name);
  return true;
}

// Add of a product or a convolution that nobody else reads and another tensor of the very same shape.
bool fuse_residual(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (n.op != &ops::kAdd || !f32(graph, n.inputs[0]) || n.inputs[0] == n.inputs[1]) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId residual = n.inputs[1 - side];
    const Node* product = sole_producer(graph, n.inputs[side]);
    if (product == nullptr || graph.is_constant(residual)) continue;
    const bool conv = product->op == &ops::kConv, gemm = product->op == &ops::kGemm || product->op == &ops::kFusedGemm;
    if ((!conv && !gemm) || product->inputs.size() > 3 || clamped_already(*product)) continue;
    if (!(graph.type(residual) == graph.type(n.inputs[side])) || graph.type(residual).rank() < (conv ? 3 : 2)) continue;
    std::vector<ValueId> inputs = product->inputs;
    inputs.resize(3, kNone);
    inputs.push_back(residual);
    replace_value(graph, n.outputs[0], conv ? ops::kFusedConv : ops::kFusedGemm, std::move(inputs), product->attributes, product->name);
    return true;
  }
  return false;
}

// Add of a row of constants to a stack of matrices times one matrix (fuse_matmul_bias takes those of rank 2).
bool fuse_bias(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  if (n.op != &ops::kAdd || !f32(graph, n.inputs[0])) return false;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId bias = n.inputs[1 - side];
    const Node* product = sole_producer(graph, n.inputs[side]);
    if (product == nullptr || product->op != &ops::kMatMul || !graph.is_constant(bias)) continue;
    const Type &x = graph.type(product->inputs[0]), &w = graph.type(product->inputs[1]), &b = graph.type(bias);
    if (!x.ranked || x.rank() < 3 || !w.ranked || w.rank() != 2 || b.rank() != 1 || b.dim(0) != w.dim(1)) continue;
    replace_value(graph, n.outputs[0], ops::kFusedGemm, {product->inputs[0], product->inputs[1], bias}, {}, product->name);
    return true;
  }
  return false;
}

}  // namespace

bool fuse_activation(Graph& graph, PassContext&) { return rewrite_nodes(graph, [](Graph& g, NodeId id) { return fuse_bias(g, id) || fuse_residual(g, id) || fuse_clamp(g, id); }); }

}  // namespace omni::passes
