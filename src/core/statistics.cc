#include "core/statistics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"

namespace omni::core {

namespace {

void require_values(std::span<const double> values) {
  if (values.empty()) throw Error(ErrorCode::kInvalidArgument, "no values to summarize");
}

std::vector<double> sorted(std::span<const double> values) {
  require_values(values);
  std::vector<double> copy(values.begin(), values.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

double at_percentile(const std::vector<double>& ordered, double p) {
  if (!(p >= 0 && p <= 100)) throw Error(ErrorCode::kInvalidArgument, "a percentile outside 0 to 100");
  const double rank = static_cast<double>(ordered.size() - 1) * p / 100;
  const size_t below = static_cast<size_t>(rank);
  if (below + 1 >= ordered.size()) return ordered.back();
  return ordered[below] + (ordered[below + 1] - ordered[below]) * (rank - static_cast<double>(below));
}

}  // namespace

double mean(std::span<const double> values) {
  require_values(values);
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
  const double m = mean(values);
  if (values.size() == 1) return 0;
  double sum = 0;
  for (const double v : values) sum += (v - m) * (v - m);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double percentile(std::span<const double> values, double p) { return at_percentile(sorted(values), p); }

double median(std::span<const double> values) { return percentile(values, 50); }

Percentiles latency_percentiles(std::span<const double> values) {
  const std::vector<double> ordered = sorted(values);
  return {at_percentile(ordered, 50), at_percentile(ordered, 95), at_percentile(ordered, 99)};
}

Interval wilson_interval(int64_t successes, int64_t trials, double z) {
  if (trials <= 0 || successes < 0 || successes > trials) throw Error(ErrorCode::kInvalidArgument, "a proportion needs 0 <= successes <= trials, trials > 0");
  const double n = static_cast<double>(trials), p = static_cast<double>(successes) / n;
  const double scale = 1 / (1 + z * z / n);
  const double centre = scale * (p + z * z / (2 * n));
  const double half = scale * z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

Interval paired_interval(int64_t gained, int64_t lost, int64_t trials, double z) {
  if (trials <= 0 || gained < 0 || lost < 0 || gained + lost > trials) {
    throw Error(ErrorCode::kInvalidArgument, "paired proportions need gained + lost <= trials, trials > 0");
  }
  const double n = static_cast<double>(trials) + 2, b = static_cast<double>(gained) + 0.5, c = static_cast<double>(lost) + 0.5;
  const double difference = (b - c) / n, half = z * std::sqrt(b + c - (b - c) * (b - c) / n) / n;
  return {std::max(-1.0, difference - half), std::min(1.0, difference + half)};
}

Interval median_interval(std::span<const double> values, double z) {
  const std::vector<double> ordered = sorted(values);
  const double n = static_cast<double>(ordered.size()), half = z * std::sqrt(n) / 2;
  const double low = std::floor(n / 2 - half), high = std::ceil(n / 2 + half);
  const size_t first = low < 1 ? 0 : static_cast<size_t>(low) - 1, last = static_cast<size_t>(std::min(high, n - 1));
  return {ordered[first], ordered[last]};
}

Interval normal_interval(std::span<const double> values, double z) {
  const double m = mean(values);
  const double half = z * standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
  return {m - half, m + half};
}

}  // namespace omni::core
