#include "ops/shape_list.h"

#include <algorithm>

namespace omni::ops {

std::optional<std::vector<Dim>> unknown_dims(const InferContext& c, const Type& list, int64_t least) {
  if (!list.ranked || list.rank() != 1 || !list.dim(0).is_constant()) return std::nullopt;
  const int64_t rank = std::max(list.dim(0).value, least);
  if (rank > Shape::kMaxRank) c.fail("a shape of " + std::to_string(rank) + " dimensions", "at most " + std::to_string(Shape::kMaxRank) + " are supported");
  std::vector<Dim> dims;
  for (int64_t i = 0; i < rank; ++i) dims.push_back(c.dims.fresh());
  return dims;
}

}  // namespace omni::ops
