// Conv (ai.onnx): convolution of X[N, C, d1…] by W[M, C/group, k1…] with optional bias B[M].
#include "ops/conv_binding.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"W", 0, ParamKind::kWeight}, {"B", kOptional, ParamKind::kBias}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString}, {"dilations", AttributeKind::kInts}, {"group", AttributeKind::kInt},
                                        {"kernel_shape", AttributeKind::kInts}, {"pads", AttributeKind::kInts},    {"strides", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{22}, {11}, {1}};

Binding bind(const PlannedNode& n) { return bind_conv(n, {}); }

}  // namespace

constinit const OpDef kConv = {.name = "Conv",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .attributes = kAttributes,
                               .versions = kVersions,
                               .traits = kF16Safe,
                               .layout = LayoutRule::kChannelsLast,
                               .channels_last_inputs = 1,
                               .channels_last_outputs = 1,
                               .infer = infer_conv,
                               .cost = cost_conv,
                               .bind = bind};

}  // namespace omni::ops
