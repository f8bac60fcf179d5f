// GRU (ai.onnx): z, r = f(…), n = g(X W' + (r h) R' + …) or, with linear_before_reset, g(X W' + r (h R' + Rb) + Wb); h = (1 - z) n + z h.
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
                                        {"layout", AttributeKind::kInt},
                                        {"linear_before_reset", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{22}, {14}, {7, nullptr, lower_layout}, {3, upgrade_output_sequence}, {1, upgrade_output_sequence}};

void infer(InferContext& c) { infer_recurrent(c, kernels::CellKind::kGru); }
Cost cost(const PlannedNode& n) { return recurrent_cost(n, kernels::CellKind::kGru); }
Binding bind(const PlannedNode& n) { return bind_recurrent(n, kernels::CellKind::kGru); }
std::vector<ValueId> gradient(GradContext& c) { return recurrent_gradient(c, kGRUGradientOp); }

}  // namespace

constinit const OpDef kGRU = {.name = "GRU",
                              .inputs = kInputs,
                              .outputs = std::span(kRecurrentOutputs).first(2),
                              .attributes = kAttributes,
                              .versions = kVersions,
                              .infer = infer,
                              .cost = cost,
                              .bind = bind};

extern const GradDef kGRUGradient;
constinit const GradDef kGRUGradient = {&kGRU, gradient};

}  // namespace omni::ops
