#include "compress/quantize/histogram.h"

#include <cmath>
#include <numeric>

namespace omni::compress {

namespace {

// The middle of a bin; 0 for the lowest, which holds everything below 2^-16.
double centre(int index) {
  const int magnitude = index % (Histogram::kBins / 2);
  const double sign = index < Histogram::kBins / 2 ? 1 : -1;
  if (magnitude == 0) return 0;
  return sign * std::ldexp(1.0 + (magnitude % 32 + 0.5) / 32.0, magnitude / 32 - 16);
}

}  // namespace

Histogram::Histogram(std::span<const int64_t> counters, float min, float max) : counters_(counters.begin(), counters.end()), min_(min), max_(max) {}

int64_t Histogram::count() const { return std::accumulate(counters_.begin(), counters_.begin() + kBins, int64_t{0}); }

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < counters_.size(); ++i) counters_[i] += other.counters_[i];
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> out;
  const auto take = [&](int index) {
    const int64_t n = counters_[static_cast<size_t>(index)];
    if (n > 0) out.push_back({std::clamp(centre(index), static_cast<double>(min_), static_cast<double>(max_)), static_cast<double>(n)});
  };
  for (int i = kBins - 1; i >= kBins / 2; --i) take(i);
  for (int i = 0; i < kBins / 2; ++i) take(i);
  return out;
}

}  // namespace omni::compress
