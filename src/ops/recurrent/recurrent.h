// What RNN, GRU, LSTM and their gradients share: inputs, attributes, checks, bindings.
#pragma once

#include "graph/grad_def.h"
#include "kernels/recurrent/recurrent.h"
#include "ops/op_list.h"

namespace omni::ops {

// Places of the inputs. RNN and GRU have no more than kInitialH.
enum RecurrentInput : int { kX, kW, kR, kB, kLengths, kInitialH, kInitialC, kPeepholes, kRecurrentInputs };

// Output types from X, W, R and the attributes; fails on shapes that do not fit together.
void infer_recurrent(InferContext& c, kernels::CellKind kind);

// Checks everything the kernels rely on; throws Error (kUnsupported).
kernels::RecurrentShape recurrent_shape(const PlannedNode& n, kernels::CellKind kind);

// Pointers of the inputs, the first ones of `k`.
kernels::RecurrentArgs recurrent_args(const KernelArgs& k);

Cost recurrent_cost(const PlannedNode& n, kernels::CellKind kind);
Binding bind_recurrent(const PlannedNode& n, kernels::CellKind kind);

// The rule of all three: one ai.omni node with the inputs of the forward one, then dY, dY_h, dY_c.
std::vector<ValueId> recurrent_gradient(GradContext& c, const OpDef& op);

inline constexpr Formal kRecurrentOutputs[] = {{"Y", kOptional}, {"Y_h", kOptional}, {"Y_c", kOptional}};

}  // namespace omni::ops
