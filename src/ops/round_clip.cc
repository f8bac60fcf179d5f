// ai.omni.RoundClip(x, s, z): the integer that x is quantized to, less the zero point, as f32: clamp(rne(x / s) + z, qmin, qmax) − z. The one
// primitive of quantization-aware training: FakeQuant is Mul(RoundClip(x, s, z), s). s and z broadcast against x; z is no parameter.
// Gradient (straight through): dx = g / s inside the range and 0 outside, ds = −g x / s² inside and 0 outside; with the Mul this is LSQ.
#include "graph/grad_def.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"scale"}, {"zero_point"}};
constexpr Formal kOutputs[] = {{"q"}};
constexpr AttributeDef kAttributes[] = {{"qmin", AttributeKind::kFloat, true}, {"qmax", AttributeKind::kFloat, true}};

void infer(InferContext& c) {
  require_same_dtype(c, 0, 3);
  c.set(0, broadcast_type(c, c.input(0).dtype));
}

ValueId bound(Graph& g, const Node& n, const char* name) { return number(g, n.inputs[0], static_cast<double>(n.attributes.get_float(name, 0))); }

ValueId shifted(Graph& g, const Node& n, bool rounded) {
  const ValueId quotient = g.add1(kDiv, {n.inputs[0], n.inputs[1]});
  return g.add1(kAdd, {rounded ? g.add1(kRound, {quotient}) : quotient, n.inputs[2]});
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const ValueId q = g.add1(kClip, {shifted(g, n, true), bound(g, n, "qmin"), bound(g, n, "qmax")});
  return {g.add1(kSub, {q, n.inputs[2]})};
}

std::vector<ValueId> gradient(GradContext& c) {
  Graph& g = c.graph;
  const ValueId at = shifted(g, c.node, false), zero = number(g, c.input(0), 0);
  const ValueId inside =
      g.add1(kAnd, {g.add1(kGreaterOrEqual, {at, bound(g, c.node, "qmin")}), g.add1(kLessOrEqual, {at, bound(g, c.node, "qmax")})});
  const ValueId dx = g.add1(kWhere, {inside, g.add1(kDiv, {c.grad(), c.input(1)}), zero});
  ValueId ds = kNone;
  if (c.wants(1)) ds = sum_to(g, g.add1(kNeg, {g.add1(kDiv, {g.add1(kMul, {dx, c.input(0)}), c.input(1)})}), c.input(1));
  return {c.wants(0) ? sum_to(g, dx, c.input(0)) : kNone, ds, kNone};
}

}  // namespace

constinit const OpDef kRoundClip = {.name = "RoundClip",
                                    .domain = "ai.omni",
                                    .inputs = kInputs,
                                    .outputs = kOutputs,
                                    .attributes = kAttributes,
                                    .traits = kElementwise,
                                    .layout = LayoutRule::kAny,
                                    .infer = infer,
                                    .expand = expand};

extern const GradDef kRoundClipGradient;
constinit const GradDef kRoundClipGradient = {.op = &kRoundClip, .rule = gradient};

}  // namespace omni::ops
