// Summaries of measurements. Empty input is an error of the caller (Error, kInvalidArgument) wherever a value would be needed.
#pragma once

#include <cstdint>
#include <span>

namespace omni::core {

double mean(std::span<const double> values);
// With n - 1; 0 for a single value.
double standard_deviation(std::span<const double> values);
// Linear between the closest ranks (method 7 of Hyndman and Fan 1996, NumPy's default): rank (n - 1) p / 100. p in [0, 100].
double percentile(std::span<const double> values, double p);
double median(std::span<const double> values);

struct Percentiles {
  double p50, p95, p99;
};
// One sort for all three.
Percentiles latency_percentiles(std::span<const double> values);

struct Interval {
  double low, high;
};
inline constexpr double kZ95 = 1.959963984540054;  // two-sided 95 % of the normal distribution
// Wilson's interval (1927) for a proportion: `successes` of `trials`, trials > 0.
Interval wilson_interval(int64_t successes, int64_t trials, double z = kZ95);
// For the difference p2 - p1 of two proportions of the same `trials`, of which `gained` are right the second time only and `lost` the first time only
// (Agresti and Min, Statistics in Medicine 24, 2005: Wald's interval after adding 1/2 to each of the four cells). trials > 0.
Interval paired_interval(int64_t gained, int64_t lost, int64_t trials, double z = kZ95);
// For the median of any continuous distribution, from order statistics (Conover 1999, 3.2); the extremes below 6 values, which is less than 95 %.
Interval median_interval(std::span<const double> values, double z = kZ95);
// mean ± z s / √n: for means of many values; too narrow below about 30.
Interval normal_interval(std::span<const double> values, double z = kZ95);

}  // namespace omni::core
