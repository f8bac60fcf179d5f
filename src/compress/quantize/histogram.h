// A streaming histogram of float values: one pass, constant memory, order-free, mergeable.
//
// The bin of a value is its sign, its exponent clamped to 32 octaves (2^-16 … 2^16) and its 5 leading mantissa bits: 2,048 counters, whose relative
// width is 1/32 everywhere. Exact minimum and maximum are kept beside. Not a number is counted apart and belongs to no range.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace omni::compress {

class Histogram {
 public:
  static constexpr int kBins = 2048;
  static constexpr int kCounters = kBins + 1;  // the last one counts what is not a number
  static constexpr float kNoMin = std::numeric_limits<float>::infinity(), kNoMax = -kNoMin;

  Histogram() = default;
  // From what accumulate() filled.
  Histogram(std::span<const int64_t> counters, float min, float max);

  // Counts values into `counters` [kCounters] and widens [min, max], which start as [kNoMin, kNoMax].
  template <class Counter>
  static void accumulate(std::span<const float> values, Counter* counters, float& min, float& max) {
    float low = min, high = max;
    for (const float v : values) {
      ++counters[bin_of(v)];
      low = v < low ? v : low;  // false for what is not a number
      high = v > high ? v : high;
    }
    min = low;
    max = high;
  }

  void add(std::span<const float> values) { accumulate(values, counters_.data(), min_, max_); }
  void merge(const Histogram& other);

  int64_t count() const;
  int64_t not_a_number() const { return counters_[kBins]; }
  float min() const { return min_ <= max_ ? min_ : 0; }
  float max() const { return min_ <= max_ ? max_ : 0; }

  // The bins in the order of their values: centre (clamped into [min, max]) and count; empty bins left out.
  struct Bin {
    double value;
    double count;
  };
  std::vector<Bin> bins() const;

 private:
  static int bin_of(float v) {
    constexpr int kFirst = (127 - 16) * 32;  // exponent and mantissa of 2^-16
    const uint32_t bits = std::bit_cast<uint32_t>(v);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return kBins;
    const int magnitude = std::clamp(static_cast<int>((bits >> 18) & 0x1fffu) - kFirst, 0, kBins / 2 - 1);
    return static_cast<int>(bits >> 31) * (kBins / 2) + magnitude;
  }

  std::vector<int64_t> counters_ = std::vector<int64_t>(kCounters, 0);
  float min_ = kNoMin, max_ = kNoMax;
};

}  // namespace omni::compress
