// LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, MeanVarianceNormalization, LpNormalization (ai.onnx): composites of
// primitives. Half types are normalized in f32.
#include "core/error.h"
#include "ops/composer.h"
#include "ops/onnx_dtype.h"

namespace omni::ops {

namespace {

constexpr Formal kLayerInputs[] = {{"X"}, {"Scale", 0, ParamKind::kScale}, {"B", kOptional, ParamKind::kBias}};
constexpr Formal kRmsInputs[] = {{"X"}, {"scale", 0, ParamKind::kScale}};
constexpr Formal kLayerOutputs[] = {{"Y"}, {"Mean", kOptional}, {"InvStdDev", kOptional}};
constexpr Formal kScaleInputs[] = {{"input"}, {"scale", 0, ParamKind::kScale}, {"B", 0, ParamKind::kBias}};
constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"output"}};
constexpr AttributeDef kLayerAttributes[] = {{"axis", AttributeKind::kInt}, {"epsilon", AttributeKind::kFloat}, {"stash_type", AttributeKind::kInt}};
constexpr AttributeDef kEpsilon[] = {{"epsilon", AttributeKind::kFloat}};
constexpr AttributeDef kGroupAttributes[] = {
    {"epsilon", AttributeKind::kFloat}, {"num_groups", AttributeKind::kInt, true}, {"stash_type", AttributeKind::kInt}};
constexpr AttributeDef kAxes[] = {{"axes", AttributeKind::kInts}};
constexpr AttributeDef kLpAttributes[] = {{"axis", AttributeKind::kInt}, {"p", AttributeKind::kInt}};
// Version 1 is ONNX Runtime's own, the same; ONNX has the operator since 17.
void lower_below_17(const Graph&, NodeDraft& draft) {
  throw Error(ErrorCode::kUnsupported, "the operator is in ONNX since opset 17", draft.name, "export with opset 17 or newer");
}
constexpr OpVersion k17_1[] = {{17}, {1, nullptr, lower_below_17}};
constexpr OpVersion k23[] = {{23}};
constexpr OpVersion k22_1[] = {{22}, {1}};
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

// What the statistics are computed in: f32 for half types, unless stash_type says their own.
ValueId stashed(Graph& g, ValueId x, const Node& n) {
  const DType own = g.type(x).dtype;
  const DType stash = from_onnx(n.attributes.get_int("stash_type", 1)).value_or(DType::kF32);
  return (own == DType::kF16 || own == DType::kBF16) && is_float(stash) ? cast_to(g, x, stash) : x;
}

double epsilon_of(const Node& n) { return static_cast<double>(n.attributes.get_float("epsilon", 1e-5f)); }

std::vector<ValueId> expand_layer(Graph& g, const Node& n) {
  const int rank = g.type(n.inputs[0]).rank();
  const int64_t stated = n.attributes.get_int("axis", -1);
  std::vector<int64_t> axes;
  for (int64_t d = stated < 0 ? stated + rank : stated; d < rank; ++d) axes.push_back(d);
  const ValueId bias = n.inputs.size() > 2 ? n.inputs[2] : kNone, scale = n.inputs[1];
  const size_t outputs = n.outputs.size();
  const ValueId x = n.inputs[0];
  const DType dtype = g.type(x).dtype;
  std::vector<DType> wanted;
  for (size_t i = 0; i < outputs; ++i) wanted.push_back(n.outputs[i] == kNone ? dtype : g.type(n.outputs[i]).dtype);
  const double epsilon = epsilon_of(n);
  const Normalized r = normalize(g, stashed(g, x, n), axes, epsilon);
  std::vector<ValueId> results = {scale_and_shift(g, cast_to(g, r.y, dtype), scale, bias)};
  if (outputs > 1) results.push_back(cast_to(g, r.mean, wanted[1]));
  if (outputs > 2) results.push_back(cast_to(g, r.inverse, wanted[2]));
  return results;
}

void infer_rms(InferContext& c) {
  if (!c.input(0).ranked) c.fail("the rank of the input is not known");
  c.axis(c.attributes.get_int("axis", -1), c.input(0).rank());
  c.set(0, c.input(0));
}

// x / sqrt(E x² + epsilon), times the scale.
std::vector<ValueId> expand_rms(Graph& g, const Node& n) {
  const Composer b(g);
  const ValueId scale = n.inputs[1], given = n.inputs[0], x = stashed(g, given, n);
  const int rank = g.type(x).rank();
  const int64_t stated = n.attributes.get_int("axis", -1);
  const double epsilon = epsilon_of(n);
  std::vector<int64_t> axes;
  for (int64_t d = stated < 0 ? stated + rank : stated; d < rank; ++d) axes.push_back(d);
  const ValueId squares = b.reduce(kReduceMean, b.mul(x, x), axes, true);
  const ValueId y = b.div(x, g.add1(kSqrt, {b.add(squares, number(g, x, epsilon))}));
  return {b.mul(cast_to(g, y, g.type(scale).dtype), scale)};
}

void infer_lp(InferContext& c) {
  if (!c.input(0).ranked) c.fail("the rank of the input is not known");
  c.axis(c.attributes.get_int("axis", -1), c.input(0).rank());
  const int64_t p = c.attributes.get_int("p", 2);
  if (p != 1 && p != 2) c.fail("p is " + std::to_string(p) + ", not 1 or 2");
  c.set(0, c.input(0));
}

// Where all is 0, it stays.
std::vector<ValueId> expand_lp(Graph& g, const Node& n) {
  const Composer b(g);
  const ValueId x = n.inputs[0];
  const int64_t axis = n.attributes.get_int("axis", -1);
  const OpDef& reduction = n.attributes.get_int("p", 2) == 1 ? kReduceL1 : kReduceL2;
  const ValueId norm = b.reduce(reduction, x, {axis}, true);
  return {b.div(x, b.where(g.add1(kEqual, {norm, number(g, x, 0)}), number(g, x, 1), norm))};
}

void infer_layer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) c.fail("the rank of the input is not known");
  const int axis = c.axis(c.attributes.get_int("axis", -1), x.rank());
  c.set(0, x);
  Type statistic = x;
  const std::optional<DType> stash = from_onnx(c.attributes.get_int("stash_type", 1));
  if (!stash || !is_float(*stash)) c.fail("stash_type is no float type that is known");
  if (x.dtype == DType::kF16 || x.dtype == DType::kBF16) statistic.dtype = *stash;
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
  const ValueId y = cast_to(g, normalize(g, stashed(g, x, n), axes, epsilon_of(n)).y, g.type(x).dtype);
  return {scale_and_shift(g, y, per_channel(g, scale, rank), per_channel(g, shift, rank))};
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
  const double epsilon = epsilon_of(n);
  const ValueId grouped = g.add1(kReshape, {stashed(g, x, n), g.add_constant("shape", Tensor::of<int64_t>(Shape{3}, {0, groups, -1}))});
  const ValueId y = cast_to(g, g.add1(kReshape, {normalize(g, grouped, {2}, epsilon).y, g.add1(kShape, {x})}), g.type(x).dtype);
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
                                             .versions = k17_1,
                                             .infer = infer_layer,
                                             .expand = expand_layer};
constinit const OpDef kRMSNormalization = {.name = "RMSNormalization",
                                           .inputs = kRmsInputs,
                                           .outputs = kY,
                                           .attributes = kLayerAttributes,
                                           .versions = k23,
                                           .infer = infer_rms,
                                           .expand = expand_rms};
constinit const OpDef kLpNormalization = {.name = "LpNormalization",
                                          .inputs = kX,
                                          .outputs = kY,
                                          .attributes = kLpAttributes,
                                          .versions = k22_1,
                                          .infer = infer_lp,
                                          .expand = expand_lp};
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
