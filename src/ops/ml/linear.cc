// LinearRegressor and LinearClassifier (ai.onnx.ml): X Wᵀ + b and what is made of the scores.
#include "ops/ml/scores.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kYZ[] = {{"Y"}, {"Z"}};
constexpr AttributeDef kRegressorAttributes[] = {{"coefficients", AttributeKind::kFloats},
                                                 {"intercepts", AttributeKind::kFloats},
                                                 {"post_transform", AttributeKind::kString},
                                                 {"targets", AttributeKind::kInt}};
constexpr AttributeDef kClassifierAttributes[] = {{"classlabels_ints", AttributeKind::kInts},     {"classlabels_strings", AttributeKind::kStrings},
                                                  {"coefficients", AttributeKind::kFloats, true}, {"intercepts", AttributeKind::kFloats},
                                                  {"multi_class", AttributeKind::kInt},           {"post_transform", AttributeKind::kString}};

// Scores [N, targets] of rows x.
ValueId scores_of(const Parts& p, int64_t targets) {
  const ValueId x = rows_of(p, p.in(0));
  const std::vector<float> weights = p.attributes.get_floats("coefficients"), shift = p.attributes.get_floats("intercepts");
  p.require(targets > 0 && !weights.empty() && static_cast<int64_t>(weights.size()) % targets == 0,
            "the coefficients do not divide into their targets");
  std::vector<ValueId> in = {x, floats(p, weights, {targets, static_cast<int64_t>(weights.size()) / targets})};
  if (!shift.empty()) in.push_back(floats(p, shift, {targets}));
  return p.make(kGemm, std::move(in), {{"transB", int64_t{1}}});
}

std::vector<ValueId> expand_regressor(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {post_transform(p, scores_of(p, p.integer("targets", 1)), p.attributes.get_string("post_transform", "NONE"))};
}

// One score of two classes: the second's; the first has what remains.
std::vector<ValueId> expand_classifier(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ClassLabels labels = class_labels(p, "classlabels_ints", "classlabels_strings");
  const std::string_view transform = p.attributes.get_string("post_transform", "NONE");
  const size_t shifts = p.attributes.get_floats("intercepts").size();
  const bool single = labels.count() == 2 && shifts == 1;
  const ValueId scores = scores_of(p, single ? 1 : labels.count());
  if (!single) {
    const ValueId index = p.make(kArgMax, {scores}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
    return {label_of(p, index, labels), post_transform(p, scores, transform)};
  }
  const ValueId index = p.as(p.make(kGreater, {p.squeeze(scores, {1}), number(g, scores, 0)}), DType::kI64);
  if (transform == "PROBIT") return {label_of(p, index, labels), post_transform(p, scores, transform)};
  const ValueId both = transform == "LOGISTIC" ? post_transform(p, p.concat({p.make(kNeg, {scores}), scores}, 1), transform)
                                               : p.concat({p.sub(number(g, scores, 1), scores), scores}, 1);
  return {label_of(p, index, labels), both};
}

}  // namespace

constinit const OpDef kMlLinearRegressor = composite<expand_regressor>("ai.onnx.ml", "LinearRegressor", kX, kY, kRegressorAttributes);
constinit const OpDef kMlLinearClassifier = composite<expand_classifier>("ai.onnx.ml", "LinearClassifier", kX, kYZ, kClassifierAttributes);

}  // namespace omni::ops
