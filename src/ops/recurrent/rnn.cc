// RNN (ai.onnx): h = f(X W' + h R' + Wb + Rb).
#include "ops/recurrent/recurrent.h"
#include "ops/recurrent/versions.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"},
                              {"W", 0, ParamKind::kWeight},
                              {"R", 0, ParamKind::kWeight},
                              {"B", kOptional, ParamKind::kBias},
                              {"sequence_lens", kOptional},
                              {"initial_h", kOptional}};
constexpr AttributeDef kAttributes[] = {{"activation_alpha", AttributeKind::kFloats},
                                        {"activation_beta", AttributeKind::kFloats},
                                        {"activations", AttributeKind::kStrings},
                                        {"clip", AttributeKind::kFloat},
                                        {"direction", AttributeKind::kString},
                                        {"hidden_size", AttributeKind::kInt},
                                        {"layout", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{22}, {14}, {7, nullptr, lower_layout}, {1, upgrade_output_sequence}};

void infer(InferContext& c) { infer_recurrent(c, kernels::CellKind::kRnn); }
Cost cost(const PlannedNode& n) { return recurrent_cost(n, kernels::CellKind::kRnn); }
Binding bind(const PlannedNode& n) { return bind_recurrent(n, kernels::CellKind::kRnn); }
std::vector<ValueId> gradient(GradContext& c) { return recurrent_gradient(c, kRNNGradientOp); }

}  // namespace

constinit const OpDef kRNN = {.name = "RNN",
                              .inputs = kInputs,
                              .outputs = std::span(kRecurrentOutputs).first(2),
                              .attributes = kAttributes,
                              .versions = kVersions,
                              .infer = infer,
                              .cost = cost,
                              .bind = bind};

extern const GradDef kRNNGradient;
constinit const GradDef kRNNGradient = {&kRNN, gradient};

}  // namespace omni::ops
