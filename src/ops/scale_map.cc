#include "ops/scale_map.h"

namespace omni::ops {

void check_scales(const InferContext& c) {
  const Type &x = c.input(0), &scale = c.input(1);
  if (c.has_input(2) && c.input(2).ranked && scale.ranked) {
    const Type& zero = c.input(2);
    bool same = zero.rank() == scale.rank();
    for (int i = 0; same && i < scale.rank(); ++i) same = zero.dim(i) == scale.dim(i) || !zero.dim(i).is_constant() || !scale.dim(i).is_constant();
    const auto one = [](const Type& t) { return t.rank() == 0 || (t.rank() == 1 && t.dim(0) == Dim(1)); };
    if (!same && !(one(zero) && one(scale))) c.fail("scale and zero point differ in shape");
  }
  const int64_t block = c.attributes.get_int("block_size", 0);
  if (block < 0 || block > INT32_MAX) c.fail("block_size is " + std::to_string(block));
  if (!x.ranked || !scale.ranked || scale.rank() == 0 || (scale.rank() == 1 && scale.dim(0) == Dim(1) && block == 0)) return;
  const int axis = c.axis(c.attributes.get_int("axis", 1), x.rank());
  if (block == 0) {
    if (scale.rank() != 1) c.fail("scale must be a scalar or of rank 1", "blocked scales need block_size");
    if (scale.dim(0).is_constant() && x.dim(axis).is_constant() && scale.dim(0) != x.dim(axis)) {
      c.fail("axis " + std::to_string(axis) + " has " + std::to_string(x.dim(axis).value) + " elements, scale " + std::to_string(scale.dim(0).value));
    }
    return;
  }
  if (scale.rank() != x.rank()) c.fail("a blocked scale has the rank of the tensor");
  for (int i = 0; i < x.rank(); ++i) {
    const Dim wanted = i == axis ? c.dims.ceil_div(x.dim(i), block) : x.dim(i);
    if (wanted.is_constant() && scale.dim(i).is_constant() && wanted != scale.dim(i)) {
      c.fail("dimension " + std::to_string(i) + " of the blocked scale is " + std::to_string(scale.dim(i).value) + " instead of " +
             std::to_string(wanted.value));
    }
  }
}

ScaleMap scale_map(const PlannedNode& n) {
  ScaleMap map;
  const PlannedValue &x = n.input(0), &scale = n.input(1);
  map.block = n.attributes.get_int("block_size", 0);
  map.single = map.block == 0 && scale.shape.count() == 1;
  if (n.has_input(2) && n.input(2).shape.count() != scale.shape.count()) n.unsupported("scale and zero point of different sizes");
  const Shape physical = x.physical();
  if (map.single) {
    map.inner = physical.count();
    return map;
  }
  const int rank = x.shape.rank(), stated = static_cast<int>(n.attributes.get_int("axis", 1));
  const int axis = physical_axis(stated < 0 ? stated + rank : stated, rank, x.layout);
  map.outer = physical.count(0, axis);
  map.axis = physical[axis];
  map.inner = physical.count(axis + 1);
  const int64_t scales = map.block == 0 ? map.axis : map.outer * ((map.axis + map.block - 1) / map.block) * map.inner;
  if (scale.shape.count() != scales)
    n.unsupported("a scale of " + std::to_string(scale.shape.count()) + " elements where " + std::to_string(scales) + " are needed");
  return map;
}

}  // namespace omni::ops
