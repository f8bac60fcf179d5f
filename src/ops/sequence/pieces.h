// Tensors cut along an axis and put together again, of every element type that takes whole bytes, and strings.
#pragma once

#include <vector>

#include "ops/op_list.h"

namespace omni::ops {

// Elements [first, first + count) of an axis. Along the first axis the bytes are shared with `t`, or lent by whom `t` has them from.
Tensor cut_axis(const Tensor& t, int axis, int64_t first, int64_t count);

// The pieces one behind the other along an existing axis; they agree in type, rank and the other sizes (check with `join_problem`).
Tensor join_axis(std::span<const Tensor> pieces, int axis);

// The pieces, all of one shape, side by side along a new axis.
Tensor stack_axis(std::span<const Tensor> pieces, int axis);

// "" when join_axis (or, with `stack`, stack_axis) can take the pieces, else a string literal that says why not.
const char* join_problem(std::span<const Tensor> pieces, int axis, bool stack);

// The type that values of either type have: sizes that differ become fresh symbols, ranks that differ unranked. The element types and kinds must
// agree.
Type merge_types(const Type& a, const Type& b, DimTable& dims);

// A type of a body in the table of the graph around it, or of a plan.
Type type_of(const Graph& body, ValueId id, DimTable& dims);

inline Type element_of(const Type& sequence) {
  Type type = sequence;
  type.kind = TypeKind::kTensor;
  return type;
}
inline Type sequence_of(const Type& element) {
  Type type = element;
  type.kind = TypeKind::kSequence;
  return type;
}

}  // namespace omni::ops
