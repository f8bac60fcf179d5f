// Shrink and Hardmax (ai.onnx): composites.
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kShrinkAttributes[] = {{"lambd", AttributeKind::kFloat}, {"bias", AttributeKind::kFloat}};
constexpr AttributeDef kAxis[] = {{"axis", AttributeKind::kInt}};
constexpr OpVersion kShrinkVersions[] = {{9}};

// Before opset 13 everything from the axis on was one dimension, as in Softmax.
void upgrade_flattening(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const Type& x = graph.type(draft.inputs[0]);
  if (!x.ranked) throw Error(ErrorCode::kUnsupported, "Hardmax before opset 13 of a tensor of unknown rank", draft.name);
  const int64_t stated = draft.attributes.get_int("axis", 1), axis = stated < 0 ? stated + x.rank() : stated;
  draft.attributes.set("axis", int64_t{-1});
  if (axis == x.rank() - 1) return;
  const ValueId flat = graph.add1(kFlatten, {draft.inputs[0]}, {{"axis", axis}});
  const ValueId y = graph.add1(kHardmax, {flat}, {{"axis", int64_t{-1}}});
  draft.results = {graph.add1(kReshape, {y, graph.add1(kShape, {draft.inputs[0]})}, {}, {.name = draft.name})};
}
constexpr OpVersion kHardmaxVersions[] = {{13}, {11, upgrade_flattening}, {1, upgrade_flattening}};

void infer_shrink(InferContext& c) { c.set(0, c.input(0)); }

// x + bias below −lambd, x − bias above lambd, else 0.
std::vector<ValueId> expand_shrink(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const double lambda = static_cast<double>(n.attributes.get_float("lambd", 0.5f)), bias = static_cast<double>(n.attributes.get_float("bias", 0));
  const ValueId above = g.add1(kWhere, {g.add1(kGreater, {x, number(g, x, lambda)}), g.add1(kSub, {x, number(g, x, bias)}), number(g, x, 0)});
  return {g.add1(kWhere, {g.add1(kLess, {x, number(g, x, -lambda)}), g.add1(kAdd, {x, number(g, x, bias)}), above})};
}

void infer_hardmax(InferContext& c) {
  if (!c.input(0).ranked) c.fail("the rank of the input is not known");
  c.axis(c.attributes.get_int("axis", -1), c.input(0).rank());
  c.set(0, c.input(0));
}

// 1 where the position along the axis is that of the first largest element.
std::vector<ValueId> expand_hardmax(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const int rank = g.type(x).rank();
  const int64_t stated = n.attributes.get_int("axis", -1), axis = stated < 0 ? stated + rank : stated;
  const ValueId at = g.add1(kArgMax, {x}, {{"axis", axis}, {"keepdims", int64_t{1}}});
  const auto scalar = [&](int64_t v) { return g.add_constant("n", Tensor::scalar(v)); };
  const ValueId size = g.add1(kReduceSum, {g.add1(kShape, {x}, {{"start", axis}, {"end", axis + 1}})}, {{"keepdims", int64_t{0}}});
  std::vector<int64_t> shape(static_cast<size_t>(rank - axis), 1);
  shape[0] = -1;
  const ValueId list = g.add_constant("shape", Tensor::of<int64_t>(Shape{static_cast<int64_t>(shape.size())}, shape));
  const ValueId positions = g.add1(kReshape, {g.add1(kRange, {scalar(0), size, scalar(1)}), list});
  return {cast_to(g, g.add1(kEqual, {at, positions}), g.type(x).dtype)};
}

}  // namespace

constinit const OpDef kShrink = {.name = "Shrink",
                                 .inputs = kInputs,
                                 .outputs = kOutputs,
                                 .attributes = kShrinkAttributes,
                                 .versions = kShrinkVersions,
                                 .traits = kElementwise,
                                 .layout = LayoutRule::kAny,
                                 .infer = infer_shrink,
                                 .expand = expand_shrink};
constinit const OpDef kHardmax = {.name = "Hardmax",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAxis,
                                  .versions = kHardmaxVersions,
                                  .infer = infer_hardmax,
                                  .expand = expand_hardmax};

}  // namespace omni::ops
