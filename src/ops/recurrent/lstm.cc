// LSTM (ai.onnx), with peepholes and coupled gates: i, f = f(…), c = f c + i g(…), h = o h(c).
#include "ops/recurrent/recurrent.h"
#include "ops/recurrent/versions.h"

namespace omni::ops {

namespace {

constexpr AttributeDef kAttributes[] = {{"activation_alpha", AttributeKind::kFloats}, {"activation_beta", AttributeKind::kFloats},
                                        {"activations", AttributeKind::kStrings},     {"clip", AttributeKind::kFloat},
                                        {"direction", AttributeKind::kString},        {"hidden_size", AttributeKind::kInt},
                                        {"input_forget", AttributeKind::kInt},        {"layout", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{22}, {14}, {7, nullptr, lower_layout}, {1, upgrade_output_sequence}};

std::vector<ValueId> gradient(GradContext& c) { return recurrent_gradient(c, kLSTMGradientOp); }

}  // namespace

constinit const OpDef kLSTM = recurrent_op<kernels::CellKind::kLstm>("LSTM", kAttributes, kVersions);

extern const GradDef kLSTMGradient;
constinit const GradDef kLSTMGradient = {&kLSTM, gradient};

}  // namespace omni::ops
