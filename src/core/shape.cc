#include "core/shape.h"

#include <algorithm>

#include "core/error.h"

namespace omni::core {

std::optional<int64_t> checked_count(std::span<const int64_t> dims) {
  constexpr int64_t kLimit = int64_t{1} << 62;
  int64_t n = 1;
  bool empty = false;
  for (const int64_t d : dims) {
    if (d < 0) return std::nullopt;
    if (d == 0) {
      empty = true;
      continue;
    }
    if (n > kLimit / d) return std::nullopt;
    n *= d;
  }
  return empty ? 0 : n;
}

Shape::Shape(std::span<const int64_t> dims) {
  if (dims.size() > kMaxRank) {
    throw Error(ErrorCode::kUnsupported, "a tensor of rank " + std::to_string(dims.size()) + " (8 is the most)");
  }
  if (!checked_count(dims)) throw Error(ErrorCode::kInvalidData, "a shape with a negative dimension or more than 2^62 elements");
  rank_ = static_cast<int>(dims.size());
  std::copy(dims.begin(), dims.end(), dims_);
}

std::string Shape::text() const {
  std::string out = "[";
  for (int i = 0; i < rank_; ++i) {
    if (i > 0) out += ',';
    out += std::to_string(dims_[i]);
  }
  return out + "]";
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  int64_t dims[Shape::kMaxRank];
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    if (da != db && da != 1 && db != 1) return std::nullopt;
    dims[i] = da == 1 ? db : da;
  }
  return Shape(std::span<const int64_t>(dims, static_cast<size_t>(rank)));
}

}  // namespace omni::core
