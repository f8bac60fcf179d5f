// A concrete shape held inline: rank 0 (a scalar) to 8, every dimension >= 0.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>

namespace omni::core {

class Shape {
 public:
  static constexpr int kMaxRank = 8;

  constexpr Shape() = default;
  Shape(std::initializer_list<int64_t> dims) : Shape(std::span<const int64_t>(dims.begin(), dims.size())) {}
  // Throws Error (kUnsupported) beyond rank 8 and (kInvalidData) for a negative dimension or more than 2^62 elements.
  explicit Shape(std::span<const int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i < 0 ? i + rank_ : i]; }
  void set(int i, int64_t v) { dims_[i < 0 ? i + rank_ : i] = v; }
  std::span<const int64_t> dims() const { return {dims_, static_cast<size_t>(rank_)}; }
  const int64_t* begin() const { return dims_; }
  const int64_t* end() const { return dims_ + rank_; }

  // Product of the dimensions from `first` up to, not including, `last` (default: all). 1 when empty.
  int64_t count(int first = 0, int last = kMaxRank) const {
    int64_t n = 1;
    for (int i = first; i < last && i < rank_; ++i) n *= dims_[i];
    return n;
  }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i) {
      if (dims_[i] != other.dims_[i]) return false;
    }
    return true;
  }

  // "[2,3]"; "[]" for a scalar.
  std::string text() const;

 private:
  int64_t dims_[kMaxRank] = {};
  int rank_ = 0;
};

// Number of elements of untrusted dimensions: nothing on a negative dimension or overflow past 2^62.
std::optional<int64_t> checked_count(std::span<const int64_t> dims);

// NumPy broadcasting of two shapes; nothing when they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

}  // namespace omni::core
