// LayerNormalization, InstanceNormalization, GroupNormalization, MeanVarianceNormalization (ai.onnx): composites of primitives.
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kLayerInputs[] = {{"X"}, {"Scale", 0, ParamKind::kScale}, {"B", kOptional, ParamKind::kBias}};
constexpr Formal kLayerOutputs[] = {{"Y"}, {"Mean", kOptional}, {"InvStdDev", kOptional}};
constexpr Formal kScaleInputs[] = {{"input"}, {"scale", 0, ParamKind::kScale}, {"B", 0, ParamKind::kBias}};
constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"output"}};
constexpr AttributeDef kLayerAttributes[] = {{"axis", AttributeKind::kInt}, {"epsilon", AttributeKind::kFloat}, {"stash_type", AttributeKind::kInt}};
constexpr AttributeDef kEpsilon[] = {{"epsilon", AttributeKind::kFloat}};
constexpr AttributeDef kGroupAttributes[] = {
    {"epsilon", AttributeKind::kFloat}, {"num_groups", AttributeKind::kInt, true}, {"stash_type", AttributeKind::kInt}};
constexpr AttributeDef kAxes[] = {{"axes", AttributeKind::kInts}};
constexpr OpVersion k17[] = {{17}};
constexpr OpVersion k6_1[] = {{6}, {1, drop_consumed_inputs}};
constexpr OpVersion k21[] = {{21}};
constexpr OpVersion k13_9[] = {{13}, {9}};

// x less its mean over the axes, times the inverse deviation; and those two.
struct Normalized {
  ValueId y, mean, inverse;
};

Normalized normalize(Graph& g, ValueId x, const std::vector<int64_t>& over, double epsilon) {
  const ValueId axes = g.add_constant("axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(over.size())}, over));
  const ValueId mean = g.add1(kReduceMean, {x, axes}), centred = g.add1(kSub, {x, mean});
  const ValueId variance = g.add1(kReduceMean, {g.add1(kMul, {centred, centred}), axes});
  const ValueId inverse = g.add1(kReciprocal, {g.add1(kSqrt, {g.add1(kAdd, {variance, number(g, x, epsilon)})})});
  return {g.add1(kMul, {centred, inverse}), mean, inverse};
}

// [C] as [C, 1, …], to stand against [N, C, d1…].
ValueId per_channel(Graph& g, ValueId v, int rank) {
  std::vector<int64_t> axes;
  for (int d = 2; d < rank; ++d) axes.push_back(d - 1);
  return axes.empty() ? v : g.add1(kUnsqueeze, {v, g.add_constant("axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes))});
}

ValueId scale_and_shift(Graph& g, ValueId y, ValueId scale, ValueId shift) {
  const ValueId scaled = g.add1(kMul, {y, scale});
  return shift == kNone ? scaled : g.add1(kAdd, {scaled, shift});
}

double epsilon_of(const Node& n) { return static_cast<double>(n.attributes.get_float("epsilon", 1e-5f)); }

std::vector<ValueId> expand_layer(Graph& g, const Node& n) {
  const int rank = g.type(n.inputs[0]).rank();
  const int64_t stated = n.attributes.get_int("axis", -1);
  std::vector<int64_t> axes;
  for (int64_t d = stated < 0 ? stated + rank : stated; d < rank; ++d) axes.push_back(d);
  const ValueId bias = n.inputs.size() > 2 ? n.inputs[2] : kNone, scale = n.inputs[1];
  const size_t outputs = n.outputs.size();
  const Normalized r = normalize(g, n.inputs[0], axes, epsilon_of(n));
  std::vector<ValueId> results = {scale_and_shift(g, r.y, scale, bias)};
  if (outputs > 1) results.push_back(r.mean);
  if (outputs > 2) results.push_back(r.inverse);
  return results;
}

void infer_layer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) c.fail("the rank of the input is not known");
  const int axis = c.axis(c.attributes.get_int("axis", -1), x.rank());
  c.set(0, x);
  Type statistic = x;
  for (int d = axis; d < x.rank(); ++d) statistic.dims[static_cast<size_t>(d)] = 1;
  for (int i = 1; i < 3; ++i) {
    if (c.wants_output(i)) c.set(i, statistic);
  }
}

void infer_images(InferContext& c) {
  if (!c.input(0).ranked || c.input(0).rank() < 3) c.fail("an input [N, C, …] of rank 3 or more is expected");
  c.set(0, c.input(0));
}

std::vector<ValueId> expand_instance(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0], scale = n.inputs[1], shift = n.inputs[2];
  const int rank = g.type(x).rank();
  std::vector<int64_t> axes;
  for (int d = 2; d < rank; ++d) axes.push_back(d);
  return {scale_and_shift(g, normalize(g, x, axes, epsilon_of(n)).y, per_channel(g, scale, rank), per_channel(g, shift, rank))};
}

void infer_group(InferContext& c) {
  infer_images(c);
  const int64_t groups = c.attributes.get_int("num_groups", 1);
  const Dim channels = c.input(0).dim(1);
  if (groups < 1 || (channels.is_constant() && channels.value % groups != 0)) c.fail("num_groups does not divide the channels");
}

std::vector<ValueId> expand_group(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0], scale = n.inputs[1], shift = n.inputs[2];
  const int rank = g.type(x).rank();
  const int64_t groups = n.attributes.get_int("num_groups", 1);
  const ValueId grouped = g.add1(kReshape, {x, g.add_constant("shape", Tensor::of<int64_t>(Shape{3}, {0, groups, -1}))});
  const ValueId y = g.add1(kReshape, {normalize(g, grouped, {2}, epsilon_of(n)).y, g.add1(kShape, {x})});
  return {scale_and_shift(g, y, per_channel(g, scale, rank), per_channel(g, shift, rank))};
}

void infer_same(InferContext& c) { c.set(0, c.input(0)); }

// (x − E x) / (sqrt(E x² − (E x)²) + 1e-9): the deviation is floored outside the root here.
std::vector<ValueId> expand_mean_variance(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const std::vector<int64_t> over = n.attributes.get_ints("axes", {0, 2, 3});
  const ValueId axes = g.add_constant("axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(over.size())}, over));
  const ValueId centred = g.add1(kSub, {x, g.add1(kReduceMean, {x, axes})});
  const ValueId deviation = g.add1(kSqrt, {g.add1(kReduceMean, {g.add1(kMul, {centred, centred}), axes})});
  return {g.add1(kDiv, {centred, g.add1(kAdd, {deviation, number(g, x, 1e-9)})})};
}

}  // namespace

constinit const OpDef kLayerNormalization = {.name = "LayerNormalization",
                                             .inputs = kLayerInputs,
                                             .outputs = kLayerOutputs,
                                             .attributes = kLayerAttributes,
                                             .versions = k17,
                                             .infer = infer_layer,
                                             .expand = expand_layer};
constinit const OpDef kInstanceNormalization = {.name = "InstanceNormalization",
                                                .inputs = kScaleInputs,
                                                .outputs = kY,
                                                .attributes = kEpsilon,
                                                .versions = k6_1,
                                                .infer = infer_images,
                                                .expand = expand_instance};
constinit const OpDef kGroupNormalization = {.name = "GroupNormalization",
                                             .inputs = kScaleInputs,
                                             .outputs = kY,
                                             .attributes = kGroupAttributes,
                                             .versions = k21,
                                             .infer = infer_group,
                                             .expand = expand_group};
constinit const OpDef kMeanVarianceNormalization = {.name = "MeanVarianceNormalization",
                                                    .inputs = kX,
                                                    .outputs = kY,
                                                    .attributes = kAxes,
                                                    .versions = k13_9,
                                                    .infer = infer_same,
                                                    .expand = expand_mean_variance};

}  // namespace omni::ops
