// NumPy broadcasting as loops: neighbouring dimensions are joined where every operand allows it, so that most cases have one or two.
#pragma once

#include <algorithm>
#include <span>

#include "core/shape.h"

namespace omni::kernels {

struct BroadcastPlan {
  static constexpr int kMaxOperands = 3;

  int rank = 1;  // at least 1
  int operands = 0;
  int64_t count = 0;  // elements of the result
  int64_t dims[core::Shape::kMaxRank] = {1};
  int64_t strides[kMaxOperands][core::Shape::kMaxRank] = {};  // in elements, 0 where repeated
};

// Every operand must broadcast to `out`.
BroadcastPlan plan_broadcast(std::span<const core::Shape> operands, const core::Shape& out);

// Calls f(offsets, at, n) for the runs along the last dimension that make up the results [begin, end): offsets[k] is operand k's first
// element (it then steps by strides[k][rank - 1]), `at` the result's.
template <class F>
void for_each_run(const BroadcastPlan& plan, int64_t begin, int64_t end, F&& f) noexcept {
  if (begin >= end) return;
  const int last = plan.rank - 1;
  int64_t index[core::Shape::kMaxRank], offsets[BroadcastPlan::kMaxOperands] = {};
  int64_t rest = begin;
  for (int d = last; d >= 0; --d) {
    index[d] = rest % plan.dims[d];
    rest /= plan.dims[d];
    for (int k = 0; k < plan.operands; ++k) offsets[k] += index[d] * plan.strides[k][d];
  }
  for (int64_t at = begin; at < end;) {
    const int64_t n = std::min(plan.dims[last] - index[last], end - at);
    f(static_cast<const int64_t*>(offsets), at, n);
    at += n;
    for (int k = 0; k < plan.operands; ++k) offsets[k] -= index[last] * plan.strides[k][last];
    index[last] = 0;
    for (int d = last - 1; d >= 0; --d) {
      for (int k = 0; k < plan.operands; ++k) offsets[k] += plan.strides[k][d];
      if (++index[d] < plan.dims[d]) break;
      for (int k = 0; k < plan.operands; ++k) offsets[k] -= plan.dims[d] * plan.strides[k][d];
      index[d] = 0;
    }
  }
}

}  // namespace omni::kernels
