// NegativeLogLikelihoodLoss (ai.onnx 13): a composite over a one-hot of the labels. input [N, C, d1…], target [N, d1…], weight [C].
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"target"}, {"weight", kOptional}};
constexpr Formal kOutputs[] = {{"loss"}};
constexpr AttributeDef kAttributes[] = {{"ignore_index", AttributeKind::kInt}, {"reduction", AttributeKind::kString}};
constexpr OpVersion kVersions[] = {{13}, {12}};

void infer(InferContext& c) {
  const Type &x = c.input(0), &target = c.input(1);
  const std::string_view reduction = c.attributes.get_string("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") c.fail("reduction " + quoted(reduction) + " does not exist");
  if (target.dtype != DType::kI64 && target.dtype != DType::kI32) c.fail("the target is not i32 or i64");
  if (!x.ranked || x.rank() < 2 || !target.ranked || target.rank() + 1 != x.rank()) c.fail("target has the dimensions of input without the classes");
  Type loss(x.dtype, Shape{});
  if (reduction == "none") loss = Type(x.dtype, target.dims);
  c.set(0, std::move(loss));
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0], target = n.inputs[1], weight = n.inputs.size() > 2 ? n.inputs[2] : kNone;
  const int rank = g.type(x).rank();
  const std::string reduction(n.attributes.get_string("reduction", "mean"));
  const ValueId one = g.add_constant("axis", Tensor::of<int64_t>(Shape{1}, {1}));
  const ValueId classes = g.add1(kShape, {x}, {{"start", int64_t{1}}, {"end", int64_t{2}}});
  const ValueId off_on = g.add_constant("values", from_double(g.type(x).dtype, Shape{2}, std::vector<double>{0, 1}));
  ValueId picks = g.add1(kOneHot, {target, classes, off_on}, {{"axis", int64_t{1}}});
  if (n.attributes.has("ignore_index")) {
    const double ignored = static_cast<double>(n.attributes.get_int("ignore_index", 0));
    const ValueId counts = g.add1(kNot, {g.add1(kEqual, {target, number(g, target, ignored)})});
    picks = g.add1(kMul, {picks, g.add1(kUnsqueeze, {cast_to(g, counts, g.type(x).dtype), one})});
  }
  if (weight != kNone) {
    std::vector<int64_t> axes;
    for (int d = 2; d < rank; ++d) axes.push_back(d - 1);
    const ValueId list = g.add_constant("axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes));
    picks = g.add1(kMul, {picks, g.add1(kUnsqueeze, {weight, list})});
  }
  const ValueId losses = g.add1(kNeg, {g.add1(kReduceSum, {g.add1(kMul, {x, picks}), one}, {{"keepdims", int64_t{0}}})});
  if (reduction == "none") return {losses};
  const Attributes scalar = {{"keepdims", int64_t{0}}};
  const ValueId total = g.add1(kReduceSum, {losses}, scalar);
  if (reduction == "sum") return {total};
  return {g.add1(kDiv, {total, g.add1(kReduceSum, {picks}, scalar)})};
}

}  // namespace

constinit const OpDef kNegativeLogLikelihoodLoss = {.name = "NegativeLogLikelihoodLoss",
                                                    .inputs = kInputs,
                                                    .outputs = kOutputs,
                                                    .attributes = kAttributes,
                                                    .versions = kVersions,
                                                    .infer = infer,
                                                    .expand = expand};

}  // namespace omni::ops
