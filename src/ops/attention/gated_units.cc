// SwiGLU and CausalConvWithState (ai.onnx 27 and 28): composites of primitives.
#include "ops/composer.h"

namespace omni::ops {

namespace {

constexpr Formal kAB[] = {{"A"}, {"B"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAlpha[] = {{"alpha", AttributeKind::kFloat}};
constexpr OpVersion k27[] = {{27}};
constexpr OpVersion k28[] = {{28}};

void infer_float(InferContext& c) {
  if (!is_float(c.input(0).dtype)) c.fail("the input is not of a float type");
  c.set(0, c.input(0));
}

void infer_pair(InferContext& c) {
  if (c.input(0).dtype != c.input(1).dtype) c.fail("A and B have different element types");
  if (c.input(0).is_static() && c.input(1).is_static() && *c.input(0).shape() != *c.input(1).shape()) c.fail("A and B have different shapes");
  infer_float(c);
}

ValueId swish(const Composer& b, ValueId x, double alpha) { return b.g.add1(kSwish, {x}, {{"alpha", static_cast<float>(alpha)}}); }

std::vector<ValueId> expand_swiglu(Graph& g, const Node& n) {
  const Composer b(g);
  const ValueId other = n.inputs[1];
  return {b.mul(swish(b, n.inputs[0], static_cast<double>(n.attributes.get_float("alpha", 1))), other)};
}

constexpr Formal kConvInputs[] = {{"input"}, {"weight", 0, ParamKind::kWeight}, {"bias", kOptional, ParamKind::kBias}, {"past_state", kOptional}};
constexpr Formal kConvOutputs[] = {{"output"}, {"present_state"}};
constexpr AttributeDef kConvAttributes[] = {{"activation", AttributeKind::kString}};

void infer_conv(InferContext& c) {
  const Type &x = c.input(0), &w = c.input(1);
  if (!x.ranked || x.rank() != 3 || !w.ranked || w.rank() != 3) c.fail("the input and the weight are of rank 3");
  if (!x.dim(1).is_constant()) c.fail("the number of channels must be known");
  if (w.dim(2).is_constant() && w.dim(2).value < 1) c.fail("the kernel is empty");
  if (w.dim(0).is_constant() && w.dim(0) != x.dim(1)) c.fail("the input and the weight differ in channels");
  const std::string_view activation = c.attributes.get_string("activation", "none");
  if (activation != "none" && activation != "silu" && activation != "swish") c.fail("activation " + quoted(activation) + " does not exist");
  c.set(0, x);
  c.set(1, Type(x.dtype, std::vector<Dim>{x.dim(0), x.dim(1), c.dims.sub(w.dim(2), 1)}));
}

std::vector<ValueId> expand_conv(Graph& g, const Node& n) {
  const Composer b(g);
  const std::vector<ValueId> inputs = n.inputs;
  const bool active = n.attributes.get_string("activation", "none") != "none";
  const int64_t channels = g.type(inputs[0]).dim(1).value;
  const bool has_past = inputs.size() > 3 && inputs[3] != kNone, has_bias = inputs.size() > 2 && inputs[2] != kNone;
  const ValueId x = has_past ? b.concat({inputs[3], inputs[0]}, 2)
                             : g.add1(kPad, {inputs[0], b.concat({b.ints({0, 0}), b.sub(b.size(inputs[1], 2), b.ints({1})), b.ints({0, 0, 0})}, 0)});
  std::vector<ValueId> operands = {x, inputs[1]};
  if (has_bias) operands.push_back(inputs[2]);
  ValueId y = g.add1(kConv, std::move(operands), {{"group", channels}});
  if (active) y = swish(b, y, 1);
  // What comes after as many values as the input has: the last of kernel size - 1.
  return {y, g.add1(kSlice, {x, b.size(inputs[0], 2), b.ints({INT64_MAX}), b.ints({2})})};
}

}  // namespace

constinit const OpDef kSwiGLU = {
    .name = "SwiGLU", .inputs = kAB, .outputs = kY, .attributes = kAlpha, .versions = k28, .infer = infer_pair, .expand = expand_swiglu};
constinit const OpDef kCausalConvWithState = {.name = "CausalConvWithState",
                                              .inputs = kConvInputs,
                                              .outputs = kConvOutputs,
                                              .attributes = kConvAttributes,
                                              .versions = k27,
                                              .infer = infer_conv,
                                              .expand = expand_conv};

}  // namespace omni::ops
