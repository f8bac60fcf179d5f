// Pools that the f32 picture kernels do not do: three spatial dimensions, f64 and bytes; plain loops over windows, one image and channel a task.
#pragma once

#include "graph/op_def.h"

namespace omni::ops {

using namespace graph;

// Whether a pool of this X is for these.
bool is_pool_nd(const PlannedNode& n, const PlannedValue& x);

enum class PoolKind : uint8_t { kLargest, kAveraged, kNorm };

// Y (and kLargest: Indices) from X. Without kernel_shape the window is all of X. kLargest: f32, f64, i8, u8; others: f32, f64.
Binding bind_pool_nd(const PlannedNode& n, PoolKind kind);
// dX from (dY, X); kLargest: the first maximum of a window takes its gradient. f32, f64.
Binding bind_pool_grad_nd(const PlannedNode& n, PoolKind kind);

}  // namespace omni::ops
