// Operators that older or rarer networks use.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

TEST(LRN, Operator) {
  check({.name = "size 3",
         .op = &kLRN,
         .inputs = {wave(Shape{2, 5, 2, 3})},
         .attributes = {{"size", int64_t{3}}, {"alpha", 0.3f}, {"beta", 0.5f}, {"bias", 2.0f}},
         .reference = [](const Inputs& in) {
           const std::vector<double> x = to_double(*in[0]);
           Outputs out(1);
           for (int i = 0; i < 60; ++i) {
             double sum = 0;
             const int channel = i / 6 % 5;
             for (int c = std::max(0, channel - 1); c <= std::min(4, channel + 1); ++c) {
               const double v = x[static_cast<size_t>(i + (c - channel) * 6)];
               sum += v * v;
             }
             out[0].push_back(x[static_cast<size_t>(i)] / std::sqrt(2 + static_cast<double>(0.3f) / 3 * sum));
           }
           return out;
         }});
}

TEST(Shrink, Operators) {
  check({.name = "shrink",
         .op = &kShrink,
         .inputs = {Tensor::of<float>(Shape{4}, {-2, -0.25f, 0.75f, 2})},
         .attributes = {{"lambd", 0.5f}, {"bias", 0.25f}},
         .expected = {{-1.75, 0, 0.5, 1.75}}});
  const Tensor x = Tensor::of<float>(Shape{2, 3}, {1, 3, 3, -1, -2, -3});
  check({.name = "hardmax", .op = &kHardmax, .inputs = {x}, .expected = {{0, 1, 0, 1, 0, 0}}});
  check({.name = "hardmax of columns", .op = &kHardmax, .inputs = {x}, .attributes = {{"axis", int64_t{0}}}, .expected = {{1, 1, 1, 0, 0, 0}}});
}

TEST(Triangle, Operators) {
  const Tensor x = Tensor::of<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  check({.name = "upper", .op = &kTrilu, .inputs = {x}, .expected = {{1, 2, 3, 0, 5, 6}}});
  check({.name = "lower",
         .op = &kTrilu,
         .inputs = {x, Tensor::scalar<int64_t>(-1)},
         .attributes = {{"upper", int64_t{0}}},
         .expected = {{0, 0, 0, 4, 0, 0}}});
  check({.name = "far", .op = &kTrilu, .inputs = {x, Tensor::scalar<int64_t>(INT64_MAX)}, .expected = {{0, 0, 0, 0, 0, 0}}});
  check({.name = "eye", .op = &kEyeLike, .inputs = {x}, .attributes = {{"k", int64_t{1}}, {"dtype", int64_t{6}}}, .expected = {{0, 1, 0, 0, 0, 1}}});
}

TEST(NegativeLogLikelihoodLoss, Operator) {
  const Tensor x = Tensor::of<float>(Shape{2, 3}, {-1, -2, -3, -4, -5, -6}), labels = ints({2, 0}), weights = Tensor::of<float>(Shape{3}, {1, 2, 3});
  const auto loss = [&](Attributes attributes, Inputs inputs, double expected) {
    check({.name = "loss",
           .op = &kNegativeLogLikelihoodLoss,
           .inputs = std::move(inputs),
           .attributes = std::move(attributes),
           .expected = {{expected}}});
  };
  loss({{"reduction", "sum"}}, {x, labels}, 7);
  loss({}, {x, labels}, 3.5);
  loss({}, {x, labels, weights}, (9 + 4) / 4.0);
  loss({{"ignore_index", int64_t{2}}}, {x, labels}, 4);
  check({.name = "none", .op = &kNegativeLogLikelihoodLoss, .inputs = {x, labels}, .attributes = {{"reduction", "none"}}, .expected = {{3, 4}}});
}

}  // namespace
}  // namespace omni::ops
