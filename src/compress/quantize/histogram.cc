#include "compress/quantize/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace omni::compress {

namespace {

constexpr uint32_t kFirstExponent = 127 - 16, kLastExponent = 127 + 15;

int bin_of(float v) {
  const uint32_t bits = std::bit_cast<uint32_t>(v);
  const uint32_t exponent = (bits >> 23) & 0xff, mantissa = (bits >> 18) & 31;
  const int half = (bits >> 31) != 0 ? Histogram::kBins / 2 : 0;
  if (exponent < kFirstExponent) return half;
  if (exponent > kLastExponent) return half + Histogram::kBins / 2 - 1;
  return half + static_cast<int>((exponent - kFirstExponent) * 32 + mantissa);
}

// The middle of a bin; 0 for the lowest, which holds everything below 2^-16.
double centre(int index) {
  const int magnitude = index % (Histogram::kBins / 2);
  const double sign = index < Histogram::kBins / 2 ? 1 : -1;
  if (magnitude == 0) return 0;
  return sign * std::ldexp(1.0 + (magnitude % 32 + 0.5) / 32.0, magnitude / 32 - 16);
}

}  // namespace

void Histogram::add(std::span<const float> values) {
  for (const float v : values) {
    if (std::isnan(v)) {
      ++nan_;
      continue;
    }
    ++counts_[static_cast<size_t>(bin_of(v))];
    min_ = count_ == 0 ? v : std::min(min_, v);
    max_ = count_ == 0 ? v : std::max(max_, v);
    ++count_;
  }
}

void Histogram::merge(const Histogram& other) {
  nan_ += other.nan_;
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_;
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> out;
  const auto take = [&](int index) {
    const int64_t n = counts_[static_cast<size_t>(index)];
    if (n > 0) out.push_back({std::clamp(centre(index), static_cast<double>(min_), static_cast<double>(max_)), static_cast<double>(n)});
  };
  for (int i = kBins - 1; i >= kBins / 2; --i) take(i);
  for (int i = 0; i < kBins / 2; ++i) take(i);
  return out;
}

}  // namespace omni::compress
