#include "ops/forward_type.h"

#include <vector>

namespace omni::ops {

Type forward_type(const InferContext& c, const OpDef& forward, std::initializer_list<int> inputs) {
  std::vector<InferValue> in, out(1);
  for (const int i : inputs) in.push_back({true, c.input(i), std::nullopt, c.constant(i)});
  out[0].present = true;
  InferContext forward_context(forward, {}, c.attributes, in, out, {}, c.dims);
  forward.infer(forward_context);
  return out[0].type;
}

void require_shape_of(const InferContext& c, int i, const Type& type) {
  const Type& given = c.input(i);
  if (!given.ranked || !type.ranked) return;
  bool fits = given.rank() == type.rank();
  for (int a = 0; fits && a < type.rank(); ++a) fits = !given.dim(a).is_constant() || !type.dim(a).is_constant() || given.dim(a) == type.dim(a);
  if (!fits) c.fail("input " + std::to_string(i) + " does not have the shape of the result whose gradient it is");
}

}  // namespace omni::ops
