// SVMRegressor and SVMClassifier (ai.onnx.ml): kernels against the support vectors, weighted sums of them, and for classes a decision of every pair.
// Kernels are computed in f64: the distance of an RBF kernel is a difference of large numbers.
#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "ops/ml/scores.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kYZ[] = {{"Y"}, {"Z"}};
constexpr AttributeDef kRegressorAttributes[] = {{"coefficients", AttributeKind::kFloats}, {"kernel_params", AttributeKind::kFloats},
                                                 {"kernel_type", AttributeKind::kString},  {"n_supports", AttributeKind::kInt},
                                                 {"one_class", AttributeKind::kInt},       {"post_transform", AttributeKind::kString},
                                                 {"rho", AttributeKind::kFloats},          {"support_vectors", AttributeKind::kFloats}};
constexpr AttributeDef kClassifierAttributes[] = {{"classlabels_ints", AttributeKind::kInts},
                                                  {"classlabels_strings", AttributeKind::kStrings},
                                                  {"coefficients", AttributeKind::kFloats},
                                                  {"kernel_params", AttributeKind::kFloats},
                                                  {"kernel_type", AttributeKind::kString},
                                                  {"post_transform", AttributeKind::kString},
                                                  {"prob_a", AttributeKind::kFloats},
                                                  {"prob_b", AttributeKind::kFloats},
                                                  {"rho", AttributeKind::kFloats},
                                                  {"support_vectors", AttributeKind::kFloats},
                                                  {"vectors_per_class", AttributeKind::kInts}};

ValueId doubles(const Parts& p, const std::vector<double>& values, const Shape& shape) {
  p.require(static_cast<int64_t>(values.size()) == shape.count(), "a list of floats has not the size that the others ask for");
  return p.g.add_constant("floats", Tensor::of<double>(shape, values));
}

std::vector<double> list(const Parts& p, std::string_view name) {
  const std::vector<float> v = p.attributes.get_floats(name);
  return {v.begin(), v.end()};
}

// K(x, s) [N, vectors] of rows x [N, C] in f64 against vectors [vectors, C].
ValueId kernel(const Parts& p, ValueId x, const std::vector<double>& vectors, int64_t count) {
  p.require(count > 0 && !vectors.empty() && static_cast<int64_t>(vectors.size()) % count == 0,
            "the support vectors do not divide into their number");
  const std::string_view type = p.attributes.get_string("kernel_type", "LINEAR");
  std::vector<double> params = list(p, "kernel_params");
  p.require(params.empty() || params.size() == 3, "kernel_params are not gamma, coef0 and degree");
  params.resize(3, 0);
  const int64_t width = static_cast<int64_t>(vectors.size()) / count;
  const ValueId s = doubles(p, vectors, Shape{count, width});
  const ValueId dot = p.make(kGemm, {x, s}, {{"transB", int64_t{1}}});
  if (type == "LINEAR") return dot;
  if (type == "RBF") {
    std::vector<double> norms(static_cast<size_t>(count), 0);
    for (size_t i = 0; i < vectors.size(); ++i) norms[i / static_cast<size_t>(width)] += vectors[i] * vectors[i];
    const ValueId own = p.reduce(kReduceSumSquare, x, {1}, true);
    const ValueId distance = p.sub(p.add(own, doubles(p, norms, Shape{count})), p.mul(dot, 2.0));
    return p.make(kExp, {p.mul(distance, -params[0])});
  }
  const ValueId inner = p.add(p.mul(dot, params[0]), number(p.g, dot, params[1]));
  if (type == "POLY") return p.make(kPow, {inner, number(p.g, inner, params[2])});
  p.require(type == "SIGMOID", "kernel_type is not LINEAR, POLY, RBF or SIGMOID");
  return p.make(kTanh, {inner});
}

std::vector<ValueId> expand_regressor(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ValueId x = p.as(rows_of(p, p.in(0), true), DType::kF64);
  const std::vector<double> weights = list(p, "coefficients"), rho = list(p, "rho");
  const int64_t count = p.integer("n_supports", 0);
  p.require(!weights.empty() && rho.size() == 1, "coefficients and one rho are needed");
  ValueId sum = kNone;
  if (count == 0) {
    sum = kernel(p, x, weights, 1);
  } else {
    const Shape shape{static_cast<int64_t>(weights.size()), 1};
    sum = p.matmul(kernel(p, x, list(p, "support_vectors"), count), doubles(p, weights, shape));
  }
  sum = p.add(sum, number(g, sum, rho[0]));
  if (p.integer("one_class", 0) != 0) sum = p.where(p.make(kGreater, {sum, number(g, sum, 0)}), number(g, sum, 1), number(g, sum, -1));
  return {post_transform(p, p.as(sum, DType::kF32), p.attributes.get_string("post_transform", "NONE"))};
}

struct Pairs {
  int64_t classes, vectors, count;    // classes, support vectors, pairs of classes
  std::vector<double> weights;        // [vectors, pairs]
  std::vector<double> first, second;  // [pairs, classes]: which class a decision above 0, and one that is not, votes for
};

// The decision of the pair i < j: class i's vectors with the coefficients of row j - 1, class j's with those of row i.
Pairs pairs_of(const Parts& p, const std::vector<int64_t>& per_class, int64_t classes) {
  const std::vector<double> coefficients = list(p, "coefficients");
  p.require(static_cast<int64_t>(per_class.size()) == classes && classes >= 2 && classes <= 10000, "vectors_per_class has not one number a class");
  std::vector<int64_t> begin = {0};
  for (const int64_t v : per_class) {
    p.require(v >= 0 && v <= INT32_MAX, "vectors_per_class is out of range");
    begin.push_back(begin.back() + v);
  }
  Pairs r{classes, begin.back(), classes * (classes - 1) / 2, {}, {}, {}};
  p.require(r.vectors > 0 && static_cast<int64_t>(coefficients.size()) == (classes - 1) * r.vectors,
            "the coefficients are not one less than the classes a support vector");
  r.weights.assign(static_cast<size_t>(r.vectors * r.count), 0);
  r.first.assign(static_cast<size_t>(r.count * classes), 0);
  r.second = r.first;
  int64_t pair = 0;
  for (int64_t i = 0; i < classes; ++i) {
    for (int64_t j = i + 1; j < classes; ++j, ++pair) {
      for (const auto& [own, row] : {std::pair{i, j - 1}, std::pair{j, i}}) {
        for (int64_t s = begin[static_cast<size_t>(own)]; s < begin[static_cast<size_t>(own) + 1]; ++s) {
          r.weights[static_cast<size_t>(s * r.count + pair)] += coefficients[static_cast<size_t>(row * r.vectors + s)];
        }
      }
      r.first[static_cast<size_t>(pair * classes + i)] = 1;
      r.second[static_cast<size_t>(pair * classes + j)] = 1;
    }
  }
  return r;
}

// Each class by its own plane; the largest score wins.
std::vector<ValueId> by_planes(const Parts& p, ValueId x, const ClassLabels& labels) {
  const std::vector<double> rho = list(p, "rho");
  p.require(!rho.empty(), "rho is needed");
  ValueId scores = kernel(p, x, list(p, "coefficients"), labels.count());
  scores = p.as(p.add(scores, number(p.g, scores, rho[0])), DType::kF32);
  const ValueId index = p.make(kArgMax, {scores}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
  return {label_of(p, index, labels), post_transform(p, scores, p.attributes.get_string("post_transform", "NONE"))};
}

// How likely the first class of each pair is: 1 - logistic(a · decision + b).
ValueId probabilities(const Parts& p, ValueId decisions, const Pairs& r) {
  const ValueId a = doubles(p, list(p, "prob_a"), Shape{r.count}), b = doubles(p, list(p, "prob_b"), Shape{r.count});
  const ValueId odds = p.add(p.mul(decisions, a), b);
  const ValueId pairs = p.as(p.make(kSigmoid, {p.as(p.make(kNeg, {odds}), DType::kF32)}), DType::kF32);
  return p.make(kPairwiseProbability, {pairs}, {{"classes", r.classes}});
}

std::vector<ValueId> expand_classifier(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ClassLabels labels = class_labels(p, "classlabels_ints", "classlabels_strings");
  const ValueId x = p.as(rows_of(p, p.in(0), true), DType::kF64);
  const std::vector<int64_t> per_class = p.attributes.get_ints("vectors_per_class");
  const std::string_view transform = p.attributes.get_string("post_transform", "NONE");
  if (per_class.empty()) return by_planes(p, x, labels);
  const Pairs r = pairs_of(p, per_class, labels.count());
  const ValueId kernels = kernel(p, x, list(p, "support_vectors"), r.vectors);
  const ValueId sums = p.matmul(kernels, doubles(p, r.weights, Shape{r.vectors, r.count}));
  const ValueId decisions = p.add(sums, doubles(p, list(p, "rho"), Shape{r.count}));
  const ValueId wins = p.make(kGreater, {decisions, number(g, decisions, 0)});
  const Shape votes{r.count, r.classes};
  const ValueId yes = p.matmul(p.as(wins, DType::kF64), doubles(p, r.first, votes));
  const ValueId no = p.matmul(p.as(p.make(kNot, {wins}), DType::kF64), doubles(p, r.second, votes));
  const ValueId counts = p.add(yes, no);
  ValueId scores = p.as(decisions, DType::kF32);
  const ValueId index = p.make(kArgMax, {p.as(counts, DType::kF32)}, {{"axis", int64_t{1}}, {"keepdims", int64_t{0}}});
  if (!p.attributes.get_floats("prob_a").empty()) {
    scores = probabilities(p, decisions, r);
  } else if (r.classes == 2) {
    scores = p.concat({p.make(kNeg, {scores}), scores}, 1);
  }
  return {label_of(p, index, labels), post_transform(p, scores, transform)};
}

}  // namespace

constinit const OpDef kMlSVMRegressor = composite<expand_regressor>("ai.onnx.ml", "SVMRegressor", kX, kY, kRegressorAttributes);
constinit const OpDef kMlSVMClassifier = composite<expand_classifier>("ai.onnx.ml", "SVMClassifier", kX, kYZ, kClassifierAttributes);

}  // namespace omni::ops
