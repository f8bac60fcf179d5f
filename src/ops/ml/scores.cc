#include "ops/ml/scores.h"

#include <numbers>

#include "core/error.h"

namespace omni::ops {

namespace {

// √2 · erf⁻¹(2 v − 1), by Winitzki's approximation, which ONNX Runtime takes too.
ValueId probit(const Parts& p, ValueId v) {
  constexpr double kA = 0.147;
  const auto num = [&](double c) { return number(p.g, v, c); };
  const ValueId x = p.sub(p.mul(v, 2.0), num(1));
  const ValueId log = p.make(kLog, {p.mul(p.sub(num(1), x), p.add(num(1), x))});
  const ValueId half = p.add(num(2 / (std::numbers::pi * kA)), p.mul(log, 0.5));
  const ValueId root = p.make(kSqrt, {p.sub(p.mul(half, half), p.mul(log, 1 / kA))});
  const ValueId size = p.make(kSqrt, {p.sub(root, half)});
  const ValueId sign = p.where(p.make(kLess, {x, num(0)}), num(-1), num(1));
  return p.mul(p.mul(sign, size), std::numbers::sqrt2);
}

// Softmax in which scores of 0 count nothing.
ValueId softmax_zero(const Parts& p, ValueId v) {
  const ValueId most = p.reduce(kReduceMax, v, {-1}, true);
  const ValueId counts = p.make(kGreater, {p.make(kAbs, {v}), number(p.g, v, 1e-7)});
  const ValueId powers = p.where(counts, p.make(kExp, {p.sub(v, most)}), number(p.g, v, 0));
  return p.div(p.where(counts, powers, p.mul(v, p.make(kExp, {p.make(kNeg, {most})}))), p.reduce(kReduceSum, powers, {-1}, true));
}

}  // namespace

ValueId post_transform(const Parts& p, ValueId scores, std::string_view name) {
  if (name.empty() || name == "NONE") return scores;
  if (name == "SOFTMAX") return p.make(kSoftmax, {scores}, {{"axis", int64_t{-1}}});
  if (name == "LOGISTIC") return p.make(kSigmoid, {scores});
  if (name == "SOFTMAX_ZERO") return softmax_zero(p, scores);
  if (name == "PROBIT") return probit(p, scores);
  throw Error(ErrorCode::kInvalidData, "post_transform " + quoted(std::string(name)) + " is not known");
}

ClassLabels class_labels(const Parts& p, std::string_view integers, std::string_view strings) {
  ClassLabels labels;
  labels.integers = p.attributes.get_ints(integers);
  if (const AttributeValue* v = p.attributes.find(strings)) {
    if (const auto* list = std::get_if<std::vector<std::string>>(v)) labels.strings = *list;
  }
  p.require(labels.integers.empty() != labels.strings.empty(), "exactly one list of class labels is expected");
  return labels;
}

ValueId label_of(const Parts& p, ValueId index, const ClassLabels& labels) {
  if (!labels.integers.empty()) return p.make(kGather, {p.ints(labels.integers), index}, {{"axis", int64_t{0}}});
  std::vector<int64_t> keys;
  for (size_t i = 0; i < labels.strings.size(); ++i) keys.push_back(static_cast<int64_t>(i));
  return p.make(kMlLabelEncoder, {index}, {{"keys_int64s", std::move(keys)}, {"values_strings", labels.strings}});
}

ValueId floats(const Parts& p, const std::vector<float>& values, std::vector<int64_t> shape) {
  const Shape wanted(shape);
  p.require(static_cast<int64_t>(values.size()) == wanted.count(), "a list of floats has not the size that the others ask for");
  return p.g.add_constant("floats", Tensor::of<float>(wanted, values));
}

ValueId rows_of(const Parts& p, ValueId x, bool keep_f64) {
  const int rank = p.rank(x);
  const DType type = p.dtype(x);
  p.require(rank == 1 || rank == 2, "the features are of rank 1 or 2");
  p.require(is_float(type) || is_integer(type), "the features are no numbers");
  const ValueId rows = rank == 2 ? x : p.unsqueeze(x, {0});
  return p.as(rows, keep_f64 && type == DType::kF64 ? type : DType::kF32);
}

}  // namespace omni::ops
