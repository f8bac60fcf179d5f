#include "core/statistics.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace omni::core {
namespace {

TEST(Statistics, MeanAndDeviation) {
  const std::vector<double> v = {2, 4, 4, 4, 5, 5, 7, 9};
  EXPECT_DOUBLE_EQ(mean(v), 5);
  EXPECT_DOUBLE_EQ(standard_deviation(v), 2.1380899352993947);  // √(32 / 7)
  EXPECT_EQ(standard_deviation(std::vector<double>{3}), 0);
  EXPECT_THROW(mean({}), Error);
}

TEST(Statistics, PercentilesInterpolateAsNumPyDoes) {
  const std::vector<double> v = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(percentile(v, 0), 1);
  EXPECT_DOUBLE_EQ(percentile(v, 25), 1.75);
  EXPECT_DOUBLE_EQ(median(v), 2.5);
  EXPECT_DOUBLE_EQ(percentile(v, 90), 3.7);
  EXPECT_DOUBLE_EQ(percentile(v, 100), 4);
  std::vector<double> ramp;
  for (int i = 100; i >= 0; --i) ramp.push_back(i);
  const Percentiles p = latency_percentiles(ramp);
  EXPECT_DOUBLE_EQ(p.p50, 50);
  EXPECT_DOUBLE_EQ(p.p95, 95);
  EXPECT_DOUBLE_EQ(p.p99, 99);
  EXPECT_THROW(percentile({}, 50), Error);
  EXPECT_THROW(percentile(v, 101), Error);
}

// Wilson's bounds are the solutions p of |p̂ - p| = z √(p (1 - p) / n).
TEST(Statistics, WilsonSolvesItsEquation) {
  for (const int64_t successes : {1, 50, 81, 199}) {
    constexpr double kTrials = 200;
    const Interval i = wilson_interval(successes, 200);
    const double found = static_cast<double>(successes) / kTrials;
    for (const double p : {i.low, i.high}) {
      EXPECT_NEAR((found - p) * (found - p), kZ95 * kZ95 * p * (1 - p) / kTrials, 1e-14);
    }
    EXPECT_LT(i.low, found);
    EXPECT_GT(i.high, found);
  }
  EXPECT_DOUBLE_EQ(wilson_interval(0, 10).low, 0);
  EXPECT_DOUBLE_EQ(wilson_interval(10, 10).high, 1);
  EXPECT_THROW(wilson_interval(1, 0), Error);
}

TEST(Statistics, NormalInterval) {
  const Interval i = normal_interval(std::vector<double>{1, 3}, 1);
  EXPECT_DOUBLE_EQ(i.low, 1);
  EXPECT_DOUBLE_EQ(i.high, 3);
}

}  // namespace
}  // namespace omni::core
