// LSTM (ai.onnx), with peepholes and coupled gates: i, f = f(…), c = f c + i g(…), h = o h(c).
#include "ops/recurrent/recurrent.h"
#include "ops/recurrent/versions.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"},
                              {"W", 0, ParamKind::kWeight},
                              {"R", 0, ParamKind::kWeight},
                              {"B", kOptional, ParamKind::kBias},
                              {"sequence_lens", kOptional},
                              {"initial_h", kOptional},
                              {"initial_c", kOptional},
                              {"P", kOptional, ParamKind::kWeight}};
constexpr AttributeDef kAttributes[] = {{"activation_alpha", AttributeKind::kFloats}, {"activation_beta", AttributeKind::kFloats},
                                        {"activations", AttributeKind::kStrings},     {"clip", AttributeKind::kFloat},
                                        {"direction", AttributeKind::kString},        {"hidden_size", AttributeKind::kInt},
                                        {"input_forget", AttributeKind::kInt},        {"layout", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{22}, {14}, {7, nullptr, lower_layout}, {1, upgrade_output_sequence}};

void infer(InferContext& c) { infer_recurrent(c, kernels::CellKind::kLstm); }
Cost cost(const PlannedNode& n) { return recurrent_cost(n, kernels::CellKind::kLstm); }
Binding bind(const PlannedNode& n) { return bind_recurrent(n, kernels::CellKind::kLstm); }
std::vector<ValueId> gradient(GradContext& c) { return recurrent_gradient(c, kLSTMGradientOp); }

}  // namespace

constinit const OpDef kLSTM = {.name = "LSTM",
                               .inputs = kInputs,
                               .outputs = kRecurrentOutputs,
                               .attributes = kAttributes,
                               .versions = kVersions,
                               .infer = infer,
                               .cost = cost,
                               .bind = bind};

extern const GradDef kLSTMGradient;
constinit const GradDef kLSTMGradient = {&kLSTM, gradient};

}  // namespace omni::ops
