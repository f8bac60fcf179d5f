#include "core/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
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

// Both tails of the exact distribution of (gained, lost) that the interval misses, summed over all outcomes of 40 pairs: Agresti and Min report coverage
// near or above 95 % for their interval.
TEST(Statistics, PairedIntervalCoversAlmostAlways) {
  EXPECT_NEAR(paired_interval(3, 1, 98).low, (3.5 - 1.5) / 100 - kZ95 * std::sqrt(3.5 + 1.5 - 4.0 / 100) / 100, 1e-15);
  EXPECT_DOUBLE_EQ(paired_interval(5, 2, 30).low, -paired_interval(2, 5, 30).high);
  constexpr int kPairs = 40;
  for (const double gain : {0.02, 0.1, 0.3}) {
    for (const double loss : {0.02, 0.1, 0.2}) {
      double covered = 0;
      for (int b = 0; b <= kPairs; ++b) {
        for (int c = 0; b + c <= kPairs; ++c) {
          const int rest = kPairs - b - c;
          const double log_ways = std::lgamma(kPairs + 1.0) - std::lgamma(b + 1.0) - std::lgamma(c + 1.0) - std::lgamma(rest + 1.0);
          const Interval i = paired_interval(b, c, kPairs);
          if (i.low > gain - loss || i.high < gain - loss) continue;
          covered += std::exp(log_ways + b * std::log(gain) + c * std::log(loss) + rest * std::log(1 - gain - loss));
        }
      }
      EXPECT_GT(covered, 0.93) << gain << " " << loss;
    }
  }
  EXPECT_THROW(paired_interval(3, 3, 5), Error);
}

TEST(Statistics, MedianIntervalIsMadeOfRanks) {
  std::vector<double> values;
  for (int i = 1; i <= 100; ++i) values.push_back(i);
  // Ranks 40 and 61 of 100: the binomial leaves 2.5 % at 39 and 61 successes.
  EXPECT_EQ(median_interval(values).low, 40);
  EXPECT_EQ(median_interval(values).high, 61);
  const std::vector<double> few = {3, 1, 2};
  EXPECT_EQ(median_interval(few).low, 1);
  EXPECT_EQ(median_interval(few).high, 3);
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
