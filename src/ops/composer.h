// Shorthand for expansions and gradient rules: primitive nodes by name.
#pragma once

#include "ops/elementwise.h"

namespace omni::ops {

class Composer {
 public:
  explicit Composer(Graph& graph) : g(graph) {}

  Graph& g;

  ValueId ints(const std::vector<int64_t>& v) const { return g.add_constant("ints", Tensor::of<int64_t>(Shape{static_cast<int64_t>(v.size())}, v)); }
  ValueId whole(int64_t v) const { return g.add_constant("int", Tensor::scalar(v)); }
  ValueId add(ValueId a, ValueId b) const { return g.add1(kAdd, {a, b}); }
  ValueId sub(ValueId a, ValueId b) const { return g.add1(kSub, {a, b}); }
  ValueId mul(ValueId a, ValueId b) const { return g.add1(kMul, {a, b}); }
  ValueId div(ValueId a, ValueId b) const { return g.add1(kDiv, {a, b}); }
  ValueId mul(ValueId a, double v) const { return mul(a, number(g, a, v)); }
  ValueId matmul(ValueId a, ValueId b) const { return g.add1(kMatMul, {a, b}); }
  // 0 keeps a size, -1 is what remains.
  ValueId reshape(ValueId x, const std::vector<int64_t>& shape) const { return g.add1(kReshape, {x, ints(shape)}); }
  ValueId reshape_to(ValueId x, ValueId shape) const { return g.add1(kReshape, {x, shape}); }
  ValueId transpose(ValueId x, std::vector<int64_t> perm) const { return g.add1(kTranspose, {x}, {{"perm", std::move(perm)}}); }
  ValueId swap_last(ValueId x) const {
    std::vector<int64_t> perm;
    const int rank = g.type(x).rank();
    for (int d = 0; d < rank; ++d) perm.push_back(d < rank - 2 ? d : 2 * rank - 3 - d);
    return transpose(x, std::move(perm));
  }
  ValueId concat(std::vector<ValueId> parts, int64_t axis) const {
    return parts.size() == 1 ? parts[0] : g.add1(kConcat, std::move(parts), {{"axis", axis}});
  }
  ValueId unsqueeze(ValueId x, const std::vector<int64_t>& axes) const { return axes.empty() ? x : g.add1(kUnsqueeze, {x, ints(axes)}); }
  ValueId squeeze(ValueId x, const std::vector<int64_t>& axes) const { return axes.empty() ? x : g.add1(kSqueeze, {x, ints(axes)}); }
  ValueId slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step = 1) const {
    return g.add1(kSlice, {x, ints({start}), ints({end}), ints({axis}), ints({step})});
  }
  ValueId shape(ValueId x) const { return g.add1(kShape, {x}); }
  // Size of a dimension: i64 of one element.
  ValueId size(ValueId x, int64_t d) const {
    const Dim known = g.type(x).dim(static_cast<int>(d));
    return known.is_constant() ? ints({known.value}) : g.add1(kShape, {x}, {{"start", d}, {"end", d + 1}});
  }
  // The same as a scalar.
  ValueId size_scalar(ValueId x, int64_t d) const { return squeeze(size(x, d), {0}); }
  ValueId range(ValueId from, ValueId to) const { return g.add1(kRange, {from, to, whole(1)}); }
  ValueId reduce(const OpDef& op, ValueId x, const std::vector<int64_t>& axes, bool keep) const {
    return g.add1(op, {x, ints(axes)}, {{"keepdims", int64_t{keep}}});
  }
  ValueId where(ValueId condition, ValueId a, ValueId b) const { return g.add1(kWhere, {condition, a, b}); }
  ValueId both(ValueId a, ValueId b) const { return a == kNone ? b : b == kNone ? a : g.add1(kAnd, {a, b}); }
};

}  // namespace omni::ops
