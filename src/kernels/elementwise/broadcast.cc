#include "kernels/elementwise/broadcast.h"

namespace omni::kernels {

BroadcastPlan plan_broadcast(std::span<const core::Shape> operands, const core::Shape& out) {
  BroadcastPlan plan;
  plan.operands = static_cast<int>(operands.size());
  plan.count = out.count();
  int64_t strides[BroadcastPlan::kMaxOperands][core::Shape::kMaxRank] = {};
  for (int k = 0; k < plan.operands; ++k) {
    const core::Shape& shape = operands[static_cast<size_t>(k)];
    int64_t step = 1;
    for (int d = shape.rank() - 1; d >= 0; --d) {
      strides[k][d + out.rank() - shape.rank()] = shape[d] == 1 ? 0 : step;
      step *= shape[d];
    }
  }
  plan.rank = 0;
  for (int d = 0; d < out.rank(); ++d) {
    if (out[d] == 1) continue;
    bool join = plan.rank > 0;
    for (int k = 0; k < plan.operands && join; ++k) join = plan.strides[k][plan.rank - 1] == strides[k][d] * out[d];
    if (join) {
      plan.dims[plan.rank - 1] *= out[d];
    } else {
      plan.dims[plan.rank++] = out[d];
    }
    for (int k = 0; k < plan.operands; ++k) plan.strides[k][plan.rank - 1] = strides[k][d];
  }
  if (plan.rank == 0) plan.dims[plan.rank++] = 1;
  return plan;
}

}  // namespace omni::kernels
