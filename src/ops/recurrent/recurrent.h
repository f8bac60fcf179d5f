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

// And of the outputs.
void recurrent_outputs(const KernelArgs& k, kernels::RecurrentArgs& args);

Cost recurrent_cost(const PlannedNode& n, kernels::CellKind kind);
Binding bind_recurrent(const PlannedNode& n, kernels::CellKind kind);

// The rule of all three: one ai.omni node with the inputs of the forward one, then dY, dY_h, dY_c.
std::vector<ValueId> recurrent_gradient(GradContext& c, const OpDef& op);

// All inputs are LSTM's; RNN and GRU have the first six.
inline constexpr Formal kRecurrentFormals[] = {{"X"},
                                               {"W", 0, ParamKind::kWeight},
                                               {"R", 0, ParamKind::kWeight},
                                               {"B", kOptional, ParamKind::kBias},
                                               {"sequence_lens", kOptional},
                                               {"initial_h", kOptional},
                                               {"initial_c", kOptional},
                                               {"P", kOptional, ParamKind::kWeight}};
inline constexpr Formal kRecurrentOutputs[] = {{"Y", kOptional}, {"Y_h", kOptional}, {"Y_c", kOptional}};
// GRU's; RNN has all but the last.
inline constexpr AttributeDef kRecurrentAttributes[] = {{"activation_alpha", AttributeKind::kFloats},
                                                        {"activation_beta", AttributeKind::kFloats},
                                                        {"activations", AttributeKind::kStrings},
                                                        {"clip", AttributeKind::kFloat},
                                                        {"direction", AttributeKind::kString},
                                                        {"hidden_size", AttributeKind::kInt},
                                                        {"layout", AttributeKind::kInt},
                                                        {"linear_before_reset", AttributeKind::kInt}};

template <kernels::CellKind kKind>
constexpr OpDef recurrent_op(std::string_view name, std::span<const AttributeDef> attributes, std::span<const OpVersion> versions) {
  constexpr bool kLstm = kKind == kernels::CellKind::kLstm;
  return {.name = name,
          .inputs = std::span(kRecurrentFormals).first(kLstm ? 8 : 6),
          .outputs = std::span(kRecurrentOutputs).first(kLstm ? 3 : 2),
          .attributes = attributes,
          .versions = versions,
          .infer = [](InferContext& c) { infer_recurrent(c, kKind); },
          .cost = [](const PlannedNode& n) { return recurrent_cost(n, kKind); },
          .bind = [](const PlannedNode& n) { return bind_recurrent(n, kKind); }};
}

}  // namespace omni::ops
