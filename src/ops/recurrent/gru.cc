// GRU (ai.onnx): z, r = f(…), n = g(X W' + (r h) R' + …) or, with linear_before_reset, g(X W' + r (h R' + Rb) + Wb); h = (1 - z) n + z h.
#include "ops/recurrent/recurrent.h"
#include "ops/recurrent/versions.h"

namespace omni::ops {

namespace {

constexpr OpVersion kVersions[] = {{22}, {14}, {7, nullptr, lower_layout}, {3, upgrade_output_sequence}, {1, upgrade_output_sequence}};

std::vector<ValueId> gradient(GradContext& c) { return recurrent_gradient(c, kGRUGradientOp); }

}  // namespace

constinit const OpDef kGRU = recurrent_op<kernels::CellKind::kGru>("GRU", kRecurrentAttributes, kVersions);

extern const GradDef kGRUGradient;
constinit const GradDef kGRUGradient = {&kGRU, gradient};

}  // namespace omni::ops
