#include "compress/quantize/observer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace omni::compress {
namespace {

std::vector<float> gaussian(size_t n, float mean, float deviation) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(mean, deviation);
  std::vector<float> values(n);
  for (float& v : values) v = normal(random);
  return values;
}

TEST(Histogram, AnyOrderAndAnySplitGiveTheSame) {
  const std::vector<float> values = gaussian(10000, 0.5f, 2);
  Histogram whole, first, second;
  whole.add(values);
  second.add(std::span(values).subspan(3000));
  first.add(std::span(values).first(3000));
  second.merge(first);
  ASSERT_EQ(whole.bins().size(), second.bins().size());
  for (size_t i = 0; i < whole.bins().size(); ++i) EXPECT_EQ(whole.bins()[i].count, second.bins()[i].count);
  EXPECT_EQ(whole.min(), second.min());
  EXPECT_EQ(whole.max(), second.max());
}

TEST(Histogram, CentresAreWithinHalfABin) {
  for (const float v : {1.0f, -1.5f, 3.3e-4f, 40000.0f, -0.07f}) {
    Histogram h;
    h.add(std::vector<float>{v, 2 * v, -v});
    double nearest = 1e9;
    for (const auto& bin : h.bins()) nearest = std::min(nearest, std::fabs(bin.value - v));
    EXPECT_LE(nearest, std::fabs(v) / 32);
  }
}

TEST(Histogram, NotANumberIsCountedApart) {
  Histogram h;
  h.add(std::vector<float>{NAN, 1, NAN});
  EXPECT_EQ(h.count(), 1);
  EXPECT_EQ(h.not_a_number(), 2);
}

TEST(Observer, MinMaxIsExactAndHoldsZero) {
  Histogram h;
  h.add(std::vector<float>{2, 3, 5});
  const Range r = observe(h, Observer::kMinMax);
  EXPECT_EQ(r.lo, 0);
  EXPECT_EQ(r.hi, 5);
}

TEST(Observer, PercentileCutsOutliers) {
  std::vector<float> values = gaussian(100000, 0, 1);
  values.push_back(1000);
  Histogram h;
  h.add(values);
  const Range r = observe(h, Observer::kPercentile, 99.9);
  EXPECT_NEAR(r.hi, 3.29, 0.15);  // the normal distribution's 99.95 % point
  EXPECT_NEAR(r.lo, -3.29, 0.15);
}

// The range that a search over a fine grid finds with the true values, not the histogram's.
TEST(Observer, MseIsNearTheTrueOptimum) {
  std::vector<float> values = gaussian(200000, 0, 1);
  values.push_back(60);
  Histogram h;
  h.add(values);
  const auto true_error = [&](Range r) {
    const QuantParams q = to_u8(r);
    double total = 0;
    for (const float v : values) {
      const double level = std::clamp(std::nearbyint(static_cast<double>(v) / q.scale) + q.zero_point, 0.0, 255.0);
      const double error = v - (level - q.zero_point) * q.scale;
      total += error * error;
    }
    return total;
  };
  double least = 1e30;
  for (double t = 1; t < 61; t += 1) least = std::min(least, true_error({-4.2, t}));
  EXPECT_LE(true_error(observe(h, Observer::kMse)), 1.15 * least);
  EXPECT_LT(true_error(observe(h, Observer::kMse)), 0.85 * true_error(observe(h, Observer::kMinMax)));  // 0.79 at the optimum
}

TEST(Observer, EntropyClipsALongTail) {
  std::vector<float> values = gaussian(500000, 0, 1);
  values.push_back(100);
  Histogram h;
  h.add(values);
  const Range r = observe(h, Observer::kEntropy);
  EXPECT_LT(r.hi, 30);
  EXPECT_GT(r.hi, 2);
}

// Half of the values at both ends of a wide range: the divergence likes to cut there, which would cost more than it saves.
TEST(Observer, EntropyDoesNotClipWhatCostsMoreThanItSaves) {
  std::vector<float> values = gaussian(5000, 0, 0.02f);
  for (int i = 0; i < 500; ++i) values.push_back(7.0f + 0.001f * static_cast<float>(i));
  Histogram h;
  h.add(values);
  EXPECT_LE(squared_error(h, observe(h, Observer::kEntropy)), squared_error(h, observe(h, Observer::kMinMax)));
}

TEST(Observer, ZeroIsOnTheGrid) {
  for (const Range r : {Range{-1, 3}, Range{0, 7}, Range{-0.3, 0}, Range{0, 0}, Range{2, 9}}) {
    const QuantParams q = to_u8(r);
    EXPECT_GE(q.zero_point, 0);
    EXPECT_LE(q.zero_point, 255);
    EXPECT_GT(q.scale, 0);
  }
}

}  // namespace
}  // namespace omni::compress
