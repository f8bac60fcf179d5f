// RNN (ai.onnx): h = f(X W' + h R' + Wb + Rb).
#include "ops/recurrent/recurrent.h"
#include "ops/recurrent/versions.h"

namespace omni::ops {

namespace {

constexpr OpVersion kVersions[] = {{22}, {14}, {7, nullptr, lower_layout}, {1, upgrade_output_sequence}};

std::vector<ValueId> gradient(GradContext& c) { return recurrent_gradient(c, kRNNGradientOp); }

}  // namespace

constinit const OpDef kRNN = recurrent_op<kernels::CellKind::kRnn>("RNN", std::span(kRecurrentAttributes).first(7), kVersions);

extern const GradDef kRNNGradient;
constinit const GradDef kRNNGradient = {&kRNN, gradient};

}  // namespace omni::ops
