// LRN (ai.onnx): x / (bias + alpha / size · Σ x² of the neighbouring channels)^beta. Composite: the squares padded, cut `size` times and added.
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {
    {"size", AttributeKind::kInt, true}, {"alpha", AttributeKind::kFloat}, {"beta", AttributeKind::kFloat}, {"bias", AttributeKind::kFloat}};
constexpr OpVersion kVersions[] = {{13}, {1}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const int64_t size = c.attributes.get_int("size", 1);
  if (!x.ranked || x.rank() < 3) c.fail("an input [N, C, …] of rank 3 or more is expected");
  if (size < 1 || size > 1024) c.fail("size is " + std::to_string(size));
  c.set(0, x);
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const int64_t size = n.attributes.get_int("size", 1), before = (size - 1) / 2, after = size - 1 - before;
  const auto list = [&](int64_t v) { return g.add_constant("at", Tensor::of<int64_t>(Shape{1}, {v})); };
  const ValueId axis = list(1), pads = g.add_constant("pads", Tensor::of<int64_t>(Shape{2}, {before, after}));
  const ValueId padded = g.add1(kPad, {g.add1(kMul, {x, x}), pads, kNone, axis});
  ValueId sum = kNone;
  for (int64_t k = 0; k < size; ++k) {
    const int64_t left = size - 1 - k;  // channels after this cut
    const ValueId part = g.add1(kSlice, {padded, list(k), list(left == 0 ? INT64_MAX : -left), axis});
    sum = sum == kNone ? part : g.add1(kAdd, {sum, part});
  }
  const double alpha = static_cast<double>(n.attributes.get_float("alpha", 1e-4f)) / static_cast<double>(size);
  const ValueId base = g.add1(kAdd, {g.add1(kMul, {sum, number(g, x, alpha)}), number(g, x, static_cast<double>(n.attributes.get_float("bias", 1)))});
  return {g.add1(kDiv, {x, g.add1(kPow, {base, number(g, x, static_cast<double>(n.attributes.get_float("beta", 0.75f)))})})};
}

}  // namespace

constinit const OpDef kLRN = {
    .name = "LRN", .inputs = kX, .outputs = kY, .attributes = kAttributes, .versions = kVersions, .infer = infer, .expand = expand};

}  // namespace omni::ops
