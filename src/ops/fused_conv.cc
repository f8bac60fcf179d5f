// ai.omni.FusedConv: clip(Conv(X, W, B) + Z, min, max): bias, residual and activation while the tile is in registers. Put by the fuse passes.
#include <cmath>
#include <limits>

#include "ops/conv_binding.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"W", 0, ParamKind::kWeight}, {"B", kOptional, ParamKind::kBias}, {"Z", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString}, {"dilations", AttributeKind::kInts}, {"group", AttributeKind::kInt},
                                        {"kernel_shape", AttributeKind::kInts}, {"pads", AttributeKind::kInts},    {"strides", AttributeKind::kInts},
                                        {"min", AttributeKind::kFloat},         {"max", AttributeKind::kFloat}};

constexpr float kInfinity = std::numeric_limits<float>::infinity();

Cost cost(const PlannedNode& n) {
  Cost c = cost_conv(n);
  c.operations += n.output(0).shape.count() * (n.has_input(3) ? 2 : 1);
  return c;
}

Binding bind(const PlannedNode& n) {
  ConvEpilogue epilogue;
  epilogue.residual_input = n.has_input(3) ? 3 : -1;
  epilogue.lo = n.attributes.get_float("min", -kInfinity);
  epilogue.hi = n.attributes.get_float("max", kInfinity);
  epilogue.clamp = epilogue.lo != -kInfinity || epilogue.hi != kInfinity;
  return bind_conv(n, epilogue);
}

std::vector<ValueId> expand(Graph& graph, const Node& n) {
  Attributes window = n.attributes;
  window.erase("min");
  window.erase("max");
  const std::vector<ValueId> inputs = n.inputs;
  std::vector<ValueId> plain(inputs.begin(), inputs.begin() + std::min<ptrdiff_t>(3, static_cast<ptrdiff_t>(inputs.size())));
  const Attributes attributes = n.attributes;
  ValueId y = graph.add1(kConv, std::move(plain), std::move(window), {.name = n.name});
  if (inputs.size() > 3 && inputs[3] != kNone) y = graph.add1(kAdd, {y, inputs[3]});
  const float lo = attributes.get_float("min", -kInfinity), hi = attributes.get_float("max", kInfinity);
  if (lo == 0 && hi == kInfinity) return {graph.add1(kRelu, {y})};
  if (lo == -kInfinity && hi == kInfinity) return {y};
  return {graph.add1(kClip, {y, graph.add_constant("min", Tensor::scalar(lo)), graph.add_constant("max", Tensor::scalar(hi))})};
}

}  // namespace

constinit const OpDef kFusedConv = {.name = "FusedConv",
                                    .domain = "ai.omni",
                                    .inputs = kInputs,
                                    .outputs = kOutputs,
                                    .attributes = kAttributes,
                                    .layout = LayoutRule::kChannelsLast,
                                    .channels_last_inputs = 1u | 1u << 3,
                                    .channels_last_outputs = 1,
                                    .infer = infer_conv,
                                    .cost = cost,
                                    .bind = bind,
                                    .expand = expand};

}  // namespace omni::ops
