// A streaming histogram of float values: one pass, constant memory, order-free, mergeable.
//
// The bin of a value is its sign, its exponent clamped to 32 octaves (2^-16 … 2^16) and its 5 leading mantissa bits: 2,048 counters, whose relative
// width is 1/32 everywhere. Exact minimum and maximum are kept beside. Not a number is counted apart and belongs to no range.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace omni::compress {

class Histogram {
 public:
  static constexpr int kBins = 2048;

  void add(std::span<const float> values);
  void merge(const Histogram& other);

  int64_t count() const { return count_; }
  int64_t not_a_number() const { return nan_; }
  float min() const { return count_ > 0 ? min_ : 0; }
  float max() const { return count_ > 0 ? max_ : 0; }

  // The bins in the order of their values: centre (clamped into [min, max]) and count; empty bins left out.
  struct Bin {
    double value;
    double count;
  };
  std::vector<Bin> bins() const;

 private:
  std::vector<int64_t> counts_ = std::vector<int64_t>(kBins, 0);
  int64_t count_ = 0, nan_ = 0;
  float min_ = 0, max_ = 0;
};

}  // namespace omni::compress
