// Operators of ai.onnx.ml against values worked out by hand. tests/peers/contrib_ops.py has them beside ONNX Runtime.
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "ops/evaluate.h"
#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

using Strings = std::vector<std::string>;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

Tensor f32(Shape shape, std::initializer_list<float> v) { return Tensor::of<float>(shape, v); }

// The strings that a node of one input gives in its first output.
Strings texts(const OpDef& op, const Tensor& x, Attributes attributes) {
  Graph g;
  const ValueId in = g.add_constant("x", x);
  const ValueId y = g.add(op, {in}, std::move(attributes), {.output_count = op.min_outputs()})[0];
  ThreadPool pool(1);
  const auto results = evaluate(g.node(g.value(y).producer), std::vector<std::optional<Tensor>>{x}, pool, Isa::kScalar);
  Strings out;
  for (int64_t i = 0; i < (*results)[0].count(); ++i) out.emplace_back((*results)[0].string_at(i));
  return out;
}

TEST(MlLabels, EncodeAnyTypeIntoAny) {
  const Tensor words = Tensor::strings(Shape{3}, Strings{"b", "x", "a"});
  check({.name = "words",
         .op = &kMlLabelEncoder,
         .inputs = {words},
         .attributes = {{"keys_strings", Strings{"a", "b"}}, {"values_int64s", Ints{7, 8}}, {"default_int64", int64_t{-3}}},
         .expected = {{8, -3, 7}}});
  check({.name = "floats",
         .op = &kMlLabelEncoder,
         .inputs = {f32(Shape{3}, {NAN, -0.0f, 2})},
         .attributes = {{"keys_floats", Floats{0, NAN}}, {"values_floats", Floats{1, 5}}, {"default_float", 9.0f}},
         .expected = {{5, 1, 9}}});
  check({.name = "the last of equal keys",
         .op = &kMlLabelEncoder,
         .inputs = {ints({4})},
         .attributes = {{"keys_int64s", Ints{4, 4}}, {"values_int64s", Ints{1, 2}}},
         .expected = {{2}}});
  check({.name = "tensors",
         .op = &kMlLabelEncoder,
         .inputs = {ints({4, 5})},
         .attributes = {{"keys_tensor", ints({4})},
                        {"values_tensor", Tensor::of<int16_t>(Shape{1}, {3})},
                        {"default_tensor", Tensor::of<int16_t>(Shape{1}, {-1})}},
         .expected = {{3, -1}}});
  EXPECT_EQ(texts(kMlLabelEncoder, ints({2, 9}), {{"keys_int64s", Ints{2}}, {"values_strings", Strings{"two"}}}), (Strings{"two", "_Unused"}));
  EXPECT_EQ(
      texts(kMlCategoryMapper, ints({2, 9}), {{"cats_int64s", Ints{2}}, {"cats_strings", Strings{"two"}}, {"default_string", std::string("?")}}),
      (Strings{"two", "?"}));
  check({.name = "categories",
         .op = &kMlOneHotEncoder,
         .inputs = {words},
         .attributes = {{"cats_strings", Strings{"a", "b"}}},
         .expected = {{0, 1, 0, 0, 1, 0}}});
  expect_refused(kMlLabelEncoder, {words}, {{"keys_int64s", Ints{1}}, {"values_int64s", Ints{1}}}, "the keys are i64");
  expect_refused(kMlLabelEncoder, {words}, {{"keys_strings", Strings{"a"}}, {"values_int64s", Ints{1, 2}}}, "1 keys and 2 values");
}

TEST(MlFeatures, Transforms) {
  check({.name = "scaler",
         .op = &kMlScaler,
         .inputs = {f32(Shape{1, 2}, {3, 5})},
         .attributes = {{"offset", Floats{1, 2}}, {"scale", Floats{2, 10}}},
         .expected = {{4, 30}}});
  check({.name = "L2",
         .op = &kMlNormalizer,
         .inputs = {f32(Shape{2, 2}, {3, -4, 0, 0})},
         .attributes = {{"norm", std::string("L2")}},
         .expected = {{0.6, -0.8, 0, 0}}});
  check({.name = "L1",
         .op = &kMlNormalizer,
         .inputs = {f32(Shape{1, 2}, {3, -1})},
         .attributes = {{"norm", std::string("L1")}},
         .expected = {{0.75, -0.25}}});
  check(
      {.name = "binarizer", .op = &kMlBinarizer, .inputs = {f32(Shape{3}, {1, 2, 3})}, .attributes = {{"threshold", 2.0f}}, .expected = {{0, 0, 1}}});
  check({.name = "imputer",
         .op = &kMlImputer,
         .inputs = {f32(Shape{1, 2}, {NAN, 2})},
         .attributes = {{"imputed_value_floats", Floats{8, 9}}, {"replaced_value_float", NAN}},
         .expected = {{8, 2}}});
  check({.name = "extractor",
         .op = &kMlArrayFeatureExtractor,
         .inputs = {f32(Shape{2, 3}, {1, 2, 3, 4, 5, 6}), ints({2, 0})},
         .expected = {{3, 1, 6, 4}}});
  check({.name = "vectorizer",
         .op = &kMlFeatureVectorizer,
         .inputs = {f32(Shape{2, 1}, {1, 2}), f32(Shape{2, 2}, {3, 4, 5, 6})},
         .attributes = {{"inputdimensions", Ints{1, 2}}},
         .expected = {{1, 3, 4, 2, 5, 6}}});
  check({.name = "scores of a map",
         .op = &kMlZipMap,
         .inputs = {f32(Shape{1, 2}, {0.25f, 0.75f})},
         .attributes = {{"classlabels_int64s", Ints{0, 1}}},
         .expected = {{0.25, 0.75}}});
  expect_refused(kMlScaler, {f32(Shape{1, 2}, {3, 5})}, {{"offset", Floats{1, 2, 3}}, {"scale", Floats{1}}}, "neither of one number");
}

TEST(MlLinear, RegressorAndClassifier) {
  const Tensor x = f32(Shape{2, 2}, {1, 2, -1, 0});
  check({.name = "regressor",
         .op = &kMlLinearRegressor,
         .inputs = {x},
         .attributes = {{"coefficients", Floats{2, 3}}, {"intercepts", Floats{1}}},
         .expected = {{9, -1}}});
  check({.name = "three classes",
         .op = &kMlLinearClassifier,
         .inputs = {x},
         .attributes = {{"coefficients", Floats{1, 0, 0, 1, -1, -1}}, {"intercepts", Floats{0, 0, 0}}, {"classlabels_ints", Ints{5, 6, 7}}},
         .outputs = 2,
         .expected = {{6, 7}, {1, 2, -3, -1, 0, 1}}});
  EXPECT_EQ(
      texts(kMlLinearClassifier, x, {{"coefficients", Floats{1, 0, 0, 1}}, {"intercepts", Floats{0, 0}}, {"classlabels_strings", Strings{"p", "q"}}}),
      (Strings{"q", "q"}));
  expect_refused(kMlLinearRegressor, {x}, {{"coefficients", Floats{2, 3, 4}}, {"targets", int64_t{2}}}, "do not divide");
}

TEST(MlSvm, KernelsAndVotes) {
  const Tensor x = f32(Shape{1, 2}, {1, 2});
  const Attributes machine = {{"coefficients", Floats{2, -1}},
                              {"support_vectors", Floats{1, 0, 0, 1}},
                              {"n_supports", int64_t{2}},
                              {"rho", Floats{0.5f}},
                              {"kernel_params", Floats{0.5f, 1, 2}}};
  const auto with = [&](const char* kernel) {
    Attributes a = machine;
    a.set("kernel_type", std::string(kernel));
    return a;
  };
  check({.name = "linear", .op = &kMlSVMRegressor, .inputs = {x}, .attributes = with("LINEAR"), .expected = {{2 * 1 - 2 + 0.5}}});
  check({.name = "polynomial", .op = &kMlSVMRegressor, .inputs = {x}, .attributes = with("POLY"), .expected = {{2 * 2.25 - 4 + 0.5}}});
  check({.name = "radial",
         .op = &kMlSVMRegressor,
         .inputs = {x},
         .attributes = with("RBF"),
         .expected = {{2 * std::exp(-2.0) - std::exp(-1.0) + 0.5}}});
  check({.name = "sigmoid",
         .op = &kMlSVMRegressor,
         .inputs = {x},
         .attributes = with("SIGMOID"),
         .expected = {{2 * std::tanh(1.5) - std::tanh(2.0) + 0.5}}});
  // Three classes on a line, one support vector each: the decisions of (0, 1), (0, 2), (1, 2) are x - 1, x + 2 and 3 x + 4 for the coefficients
  // below.
  check({.name = "votes",
         .op = &kMlSVMClassifier,
         .inputs = {f32(Shape{2, 1}, {0.5f, -3})},
         .attributes = {{"classlabels_ints", Ints{10, 20, 30}},
                        {"vectors_per_class", Ints{1, 1, 1}},
                        {"support_vectors", Floats{1, 1, 1}},
                        {"coefficients", Floats{1, 0, 0, 1, 3, 0}},
                        {"rho", Floats{-1, 2, 4}}},
         .outputs = 2,
         .expected = {{20, 30}, {-0.5, 2.5, 5.5, -4, -1, -5}}});
}

TEST(MlSvm, PairwiseProbabilities) {
  // Two classes: what the one pair says. Three that all are equal: a third each.
  check({.name = "two",
         .op = &kPairwiseProbability,
         .inputs = {f32(Shape{1, 1}, {0.8f})},
         .attributes = {{"classes", int64_t{2}}},
         .expected = {{0.8, 0.2}},
         .tolerance = 5e-3});
  check({.name = "three",
         .op = &kPairwiseProbability,
         .inputs = {f32(Shape{1, 3}, {0.5f, 0.5f, 0.5f})},
         .attributes = {{"classes", int64_t{3}}},
         .expected = {{1 / 3.0, 1 / 3.0, 1 / 3.0}}});
}

// x0 <= 1 ? (x1 > 0 ? leaf 3 : leaf 4) : leaf 2, and a second tree that is a leaf.
Attributes old_tree() {
  return {{"nodes_treeids", Ints{0, 0, 0, 0, 0, 1}},
          {"nodes_nodeids", Ints{0, 1, 2, 3, 4, 0}},
          {"nodes_featureids", Ints{0, 1, 0, 0, 0, 0}},
          {"nodes_values", Floats{1, 0, 0, 0, 0, 0}},
          {"nodes_truenodeids", Ints{1, 3, 0, 0, 0, 0}},
          {"nodes_falsenodeids", Ints{2, 4, 0, 0, 0, 0}},
          {"nodes_missing_value_tracks_true", Ints{1, 0, 0, 0, 0, 0}},
          {"nodes_modes", Strings{"BRANCH_LEQ", "BRANCH_GT", "LEAF", "LEAF", "LEAF", "LEAF"}}};
}

Attributes with_weights(const std::string& prefix, Ints targets) {
  Attributes a = old_tree();
  a.set(prefix + "_treeids", Ints{0, 0, 0, 1});
  a.set(prefix + "_nodeids", Ints{2, 3, 4, 0});
  a.set(prefix + "_ids", std::move(targets));
  a.set(prefix + "_weights", Floats{10, 20, 30, 4});
  return a;
}

TEST(MlTrees, RegressorAggregates) {
  const Tensor x = f32(Shape{4, 2}, {1, 5, 0, -1, 2, 0, NAN, 0});  // leaves 3, 4, 2, 4
  const auto regress = [&](const char* how, std::vector<double> expected) {
    Attributes a = with_weights("target", {0, 0, 0, 0});
    a.set("aggregate_function", std::string(how));
    a.set("n_targets", int64_t{1});
    check({.name = how, .op = &kMlTreeEnsembleRegressor, .inputs = {x}, .attributes = a, .expected = {expected}});
  };
  regress("SUM", {24, 34, 14, 34});
  regress("AVERAGE", {12, 17, 7, 17});
  regress("MIN", {4, 4, 4, 4});
  regress("MAX", {20, 30, 10, 30});
  Attributes base = with_weights("target", {0, 1, 1, 0});
  base.set("n_targets", int64_t{2});
  base.set("base_values", Floats{0.5f, -1});
  check({.name = "targets", .op = &kMlTreeEnsembleRegressor, .inputs = {x}, .attributes = base, .expected = {{4.5, 19, 4.5, 29, 14.5, -1, 4.5, 29}}});
}

TEST(MlTrees, ClassifierAndLabels) {
  const Tensor x = f32(Shape{2, 2}, {1, 5, 2, 0});  // leaves 3 and 2
  Attributes a = with_weights("class", {0, 1, 2, 0});
  a.set("classlabels_int64s", Ints{7, 8, 9});
  check(
      {.name = "three", .op = &kMlTreeEnsembleClassifier, .inputs = {x}, .attributes = a, .outputs = 2, .expected = {{8, 7}, {4, 20, 0, 14, 0, 0}}});
  Attributes two = with_weights("class", {1, 1, 1, 1});
  two.set("classlabels_strings", Strings{"no", "yes"});
  EXPECT_EQ(texts(kMlTreeEnsembleClassifier, x, two), (Strings{"yes", "yes"}));
}

Attributes new_tree(Ints yes) {
  return {{"tree_roots", Ints{0}},
          {"n_targets", int64_t{1}},
          {"nodes_featureids", Ints{0, 0}},
          {"nodes_modes", Tensor::of<uint8_t>(Shape{2}, {0, 6})},
          {"nodes_splits", f32(Shape{2}, {1, 0})},
          {"nodes_truenodeids", std::move(yes)},
          {"nodes_trueleafs", Ints{0, 1}},
          {"nodes_falsenodeids", Ints{2, 1}},
          {"nodes_falseleafs", Ints{1, 1}},
          {"leaf_targetids", Ints{0, 0, 0}},
          {"leaf_weights", f32(Shape{3}, {5, 6, 7})},
          {"membership_values", f32(Shape{3}, {0.5f, -1, NAN})}};
}

TEST(MlTrees, EnsembleWithMembers) {
  check({.name = "members",
         .op = &kMlTreeEnsemble,
         .inputs = {f32(Shape{4, 1}, {0.5f, -1, 0, 3})},
         .attributes = new_tree({1, 0}),
         .expected = {{5, 5, 6, 7}}});
}

TEST(MlTrees, BrokenTreesAreRefused) {
  const auto refused = [](Attributes a, const char* message) {
    try {
      check({.name = "broken", .op = &kMlTreeEnsemble, .inputs = {f32(Shape{1, 1}, {0})}, .attributes = std::move(a), .expected = {{0}}});
      FAIL() << message;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(message), std::string::npos) << e.what();
    }
  };
  refused(new_tree({0, 0}), "reached twice");
  refused(new_tree({9, 0}), "a node is missing");
  refused(new_tree({1, 9}), "a leaf is missing");
  Attributes feature = new_tree({1, 0});
  feature.set("nodes_featureids", Ints{0, 4});
  refused(feature, "feature 4 of 1");
}

}  // namespace
}  // namespace omni::ops
