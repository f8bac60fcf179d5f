// Scaler, Normalizer, Binarizer, Imputer, ArrayFeatureExtractor, FeatureVectorizer, ZipMap (ai.onnx.ml): composites of primitives.
//
// ZipMap pairs scores with the names of their classes, a sequence of maps. Maps are no value of ours: the scores pass through as a tensor [N, E], in
// the order of the labels.
#include "core/error.h"
#include "ops/ml/scores.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kZ[] = {{"Z"}};
constexpr Formal kXY[] = {{"X"}, {"Y"}};
constexpr Formal kMany[] = {{"X", kVariadic}};
constexpr AttributeDef kScalerAttributes[] = {{"offset", AttributeKind::kFloats}, {"scale", AttributeKind::kFloats}};
constexpr AttributeDef kNorm[] = {{"norm", AttributeKind::kString}};
constexpr AttributeDef kThreshold[] = {{"threshold", AttributeKind::kFloat}};
constexpr AttributeDef kImputerAttributes[] = {{"imputed_value_floats", AttributeKind::kFloats},
                                               {"imputed_value_int64s", AttributeKind::kInts},
                                               {"replaced_value_float", AttributeKind::kFloat},
                                               {"replaced_value_int64", AttributeKind::kInt}};
constexpr AttributeDef kDimensions[] = {{"inputdimensions", AttributeKind::kInts}};
constexpr AttributeDef kLabels[] = {{"classlabels_int64s", AttributeKind::kInts}, {"classlabels_strings", AttributeKind::kStrings}};

// One number, or one a feature.
ValueId per_feature(const Parts& p, const std::vector<float>& values) {
  return values.size() == 1 ? floats(p, values, {}) : floats(p, values, {static_cast<int64_t>(values.size())});
}

void require_numbers(const Parts& p, ValueId x) { p.require(is_float(p.dtype(x)) || is_integer(p.dtype(x)), "the input is no numbers"); }

void require_features(const Parts& p, ValueId x, size_t count) {
  const Dim have = p.dim(x, -1);
  p.require(count == 1 || !have.is_constant() || have.value == static_cast<int64_t>(count), "a list is neither of one number nor of one a feature");
}

std::vector<ValueId> expand_scaler(Graph& g, const Node& n) {
  const Parts p(g, n);
  const std::vector<float> offset = p.attributes.get_floats("offset"), scale = p.attributes.get_floats("scale");
  require_numbers(p, p.in(0));
  p.require(!offset.empty() && !scale.empty(), "offset and scale are needed");
  require_features(p, p.in(0), offset.size());
  require_features(p, p.in(0), scale.size());
  return {p.mul(p.sub(p.as(p.in(0), DType::kF32), per_feature(p, offset)), per_feature(p, scale))};
}

// Rows that are all 0 stay.
std::vector<ValueId> expand_normalizer(Graph& g, const Node& n) {
  const Parts p(g, n);
  const std::string_view norm = p.attributes.get_string("norm", "MAX");
  require_numbers(p, p.in(0));
  const int rank = p.rank(p.in(0));
  p.require(rank == 1 || rank == 2, "the input is of rank 1 or 2");
  const ValueId x = p.as(p.in(0), DType::kF32);
  const OpDef* reduction = norm == "MAX" ? &kReduceMax : norm == "L1" ? &kReduceL1 : norm == "L2" ? &kReduceL2 : nullptr;
  p.require(reduction != nullptr, "norm is not MAX, L1 or L2");
  const ValueId size = p.reduce(*reduction, x, {-1}, true), zero = number(g, x, 0);
  return {p.div(x, p.where(p.make(kEqual, {size, zero}), number(g, x, 1), size))};
}

std::vector<ValueId> expand_binarizer(Graph& g, const Node& n) {
  const Parts p(g, n);
  require_numbers(p, p.in(0));
  const ValueId x = p.in(0), limit = g.add_constant("threshold", Tensor::scalar(p.attributes.get_float("threshold", 0)));
  const ValueId above = is_float(p.dtype(x)) ? p.make(kGreater, {x, p.as(limit, p.dtype(x))}) : p.make(kGreater, {p.as(x, DType::kF32), limit});
  return {p.as(above, p.dtype(x))};
}

std::vector<ValueId> expand_imputer(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ValueId x = p.in(0);
  const DType type = p.dtype(x);
  p.require(type == DType::kF32 || type == DType::kF64 || type == DType::kI64 || type == DType::kI32, "the input is not of floats or of i32 or i64");
  if (is_float(type)) {
    const std::vector<float> imputed = p.attributes.get_floats("imputed_value_floats");
    p.require(!imputed.empty(), "imputed_value_floats is needed");
    require_features(p, x, imputed.size());
    const double replaced = p.real("replaced_value_float", 0);
    const ValueId missing = replaced != replaced ? p.make(kIsNaN, {x}) : p.make(kEqual, {x, number(g, x, replaced)});
    return {p.where(missing, p.as(per_feature(p, imputed), type), x)};
  }
  const std::vector<int64_t> imputed = p.attributes.get_ints("imputed_value_int64s");
  p.require(!imputed.empty(), "imputed_value_int64s is needed");
  require_features(p, x, imputed.size());
  const ValueId replaced = p.as(p.whole(p.integer("replaced_value_int64", 0)), type);
  return {p.where(p.make(kEqual, {x, replaced}), p.as(p.ints(imputed), type), x)};
}

std::vector<ValueId> expand_extractor(Graph& g, const Node& n) {
  const Parts p(g, n);
  const int rank = p.rank(p.in(0));
  p.require(rank >= 1, "the input is a scalar");
  p.require(p.dtype(p.in(1)) == DType::kI64, "the indices are not i64");
  const ValueId chosen = p.make(kGather, {p.in(0), p.reshape(p.in(1), {-1})}, {{"axis", int64_t{-1}}});
  return {rank == 1 ? p.unsqueeze(chosen, {0}) : chosen};
}

std::vector<ValueId> expand_vectorizer(Graph& g, const Node& n) {
  const Parts p(g, n);
  const std::vector<int64_t> sizes = p.attributes.get_ints("inputdimensions");
  p.require(sizes.empty() || sizes.size() == p.inputs.size(), "inputdimensions has not a size for every input");
  std::vector<ValueId> parts;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    p.require(p.has(i), "an input is missing");
    parts.push_back(rows_of(p, p.in(i)));
    const Dim have = p.dim(parts.back(), 1);
    p.require_supported(sizes.empty() || !have.is_constant() || have.value == sizes[i],
                        "an input whose features are not as many as inputdimensions says");
  }
  return {p.concat(std::move(parts), 1)};
}

std::vector<ValueId> expand_zip(Graph& g, const Node& n) {
  const Parts p(g, n);
  class_labels(p, "classlabels_int64s", "classlabels_strings");
  return {p.make(kIdentity, {p.in(0)})};
}

}  // namespace

constinit const OpDef kMlScaler = composite<expand_scaler>("ai.onnx.ml", "Scaler", kX, kY, kScalerAttributes);
constinit const OpDef kMlNormalizer = composite<expand_normalizer>("ai.onnx.ml", "Normalizer", kX, kY, kNorm);
constinit const OpDef kMlBinarizer = composite<expand_binarizer>("ai.onnx.ml", "Binarizer", kX, kY, kThreshold);
constinit const OpDef kMlImputer = composite<expand_imputer>("ai.onnx.ml", "Imputer", kX, kY, kImputerAttributes);
constinit const OpDef kMlArrayFeatureExtractor = composite<expand_extractor>("ai.onnx.ml", "ArrayFeatureExtractor", kXY, kZ);
constinit const OpDef kMlFeatureVectorizer = composite<expand_vectorizer>("ai.onnx.ml", "FeatureVectorizer", kMany, kY, kDimensions);
constinit const OpDef kMlZipMap = composite<expand_zip>("ai.onnx.ml", "ZipMap", kX, kZ, kLabels);

}  // namespace omni::ops
