#include "train/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace omni::train {
namespace {

using core::Tensor;

TEST(Metrics, TopK) {
  const Tensor scores = Tensor::of<float>({3, 3}, {0.1f, 0.7f, 0.2f, 5, 5, 1, NAN, 0, 1});
  const Tensor labels = Tensor::of<int64_t>({3}, {1, 1, 2});
  EXPECT_EQ(count_correct(scores.view(), labels.view(), 1), 2);  // the second is a tie that class 0 wins
  EXPECT_EQ(count_correct(scores.view(), labels.view(), 2), 3);
  EXPECT_EQ(count_correct(scores.view(), Tensor::of<int64_t>({3}, {-1, 7, 0}).view(), 3), 0);
}

TEST(Metrics, InnerDimensionsAreLabelsOfTheirOwn) {
  const Tensor scores = Tensor::of<float>({1, 2, 2}, {1, 0, 0, 1});  // class 0 wins at place 0, class 1 at place 1
  EXPECT_EQ(count_correct(scores.view(), Tensor::of<int64_t>({1, 2}, {0, 1}).view()), 2);
  EXPECT_EQ(count_correct(scores.view(), Tensor::of<int64_t>({1, 2}, {1, 1}).view()), 1);
}

TEST(Metrics, CrossEntropyOfEveryKindOfScore) {
  const double p[] = {0.2, 0.5, 0.3};
  const Tensor labels = Tensor::of<int64_t>({1}, {1});
  std::vector<float> logits, probabilities, logarithms;
  for (const double x : p) {
    logits.push_back(static_cast<float>(std::log(x) + 3));
    probabilities.push_back(static_cast<float>(x));
    logarithms.push_back(static_cast<float>(std::log(x)));
  }
  const auto tensor = [](const std::vector<float>& v) { return Tensor::of<float>({1, 3}, std::span<const float>(v)); };
  EXPECT_NEAR(cross_entropy_sum(tensor(logits).view(), labels.view(), ScoreKind::kLogits), std::log(2), 1e-6);
  EXPECT_NEAR(cross_entropy_sum(tensor(probabilities).view(), labels.view(), ScoreKind::kProbabilities), std::log(2), 1e-6);
  EXPECT_NEAR(cross_entropy_sum(tensor(logarithms).view(), labels.view(), ScoreKind::kLogProbabilities), std::log(2), 1e-6);
}

TEST(Metrics, SquaredError) {
  EXPECT_EQ(squared_error_sum(Tensor::of<float>({2}, {1, 2}).view(), Tensor::of<float>({2}, {3, -1}).view()), 13);
}

}  // namespace
}  // namespace omni::train
