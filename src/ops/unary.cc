// Operators of one tensor, element by element: one row each. Clip and Gelu have files of their own.
#include "kernels/elementwise/unary.h"

#include <cmath>
#include <numbers>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

using kernels::UnaryKernel;
using kernels::UnaryOp;
using kernels::UnaryParams;

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAlpha[] = {{"alpha", AttributeKind::kFloat}};
constexpr AttributeDef kAlphaBeta[] = {{"alpha", AttributeKind::kFloat}, {"beta", AttributeKind::kFloat}};
constexpr AttributeDef kAlphaGamma[] = {{"alpha", AttributeKind::kFloat}, {"gamma", AttributeKind::kFloat}};
constexpr AttributeDef kDetect[] = {{"detect_negative", AttributeKind::kInt}, {"detect_positive", AttributeKind::kInt}};

constexpr OpVersion k14_13_6_1[] = {{14}, {13}, {6}, {1, drop_consumed_inputs}};
constexpr OpVersion k13_6_1[] = {{13}, {6}, {1, drop_consumed_inputs}};
constexpr OpVersion k16_6_1[] = {{16}, {6}, {1, drop_consumed_inputs}};
constexpr OpVersion k6_1[] = {{6}, {1, drop_consumed_inputs}};
constexpr OpVersion k13_9[] = {{13}, {9}};
constexpr OpVersion k20_13_9[] = {{20}, {13}, {9}};
constexpr OpVersion k20_10[] = {{20}, {10}};
constexpr OpVersion k1[] = {{1}};
constexpr OpVersion k7[] = {{7}};
constexpr OpVersion k9[] = {{9}};
constexpr OpVersion k10[] = {{10}};
constexpr OpVersion k11[] = {{11}};
constexpr OpVersion k12[] = {{12}};
constexpr OpVersion k14[] = {{14}};
constexpr OpVersion k18[] = {{18}};
constexpr OpVersion k24[] = {{24}};

struct Params {
  UnaryKernel kernel;
  UnaryParams values;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_unary(p.kernel, args.inputs[0].data, args.outputs[0].data, args.outputs[0].count(), p.values, *args.pool);
}

UnaryParams values_of(UnaryOp op, const Attributes& a) {
  switch (op) {
    case UnaryOp::kLeakyRelu: return {a.get_float("alpha", 0.01f), 0};
    case UnaryOp::kThresholdedRelu:
    case UnaryOp::kElu:
    case UnaryOp::kSwish:
    case UnaryOp::kCelu: return {a.get_float("alpha", 1.0f), 0};
    case UnaryOp::kSelu: return {a.get_float("alpha", 1.67326319217681884765625f), a.get_float("gamma", 1.05070102214813232421875f)};
    case UnaryOp::kHardSigmoid: return {a.get_float("alpha", 0.2f), a.get_float("beta", 0.5f)};
    case UnaryOp::kIsInf: return {static_cast<double>(a.get_int("detect_negative", 1)), static_cast<double>(a.get_int("detect_positive", 1))};
    default: return {};
  }
}

template <UnaryOp kOp>
Binding bind(const PlannedNode& n) {
  const UnaryKernel kernel = kernels::select_unary(kOp, n.input(0).dtype, n.isa);
  if (!kernel) n.unsupported("no kernel for this element type");
  return {run, std::make_shared<Params>(Params{kernel, values_of(kOp, n.attributes)}), 0};
}

template <UnaryOp kOp>
void infer(InferContext& c) {
  Type type = c.input(0);
  if (kOp == UnaryOp::kIsNaN || kOp == UnaryOp::kIsInf) type.dtype = DType::kBool;
  std::optional<Contents> contents;
  if (const Contents* known = c.contents(0); known != nullptr && kOp == UnaryOp::kNeg) {
    contents.emplace();
    for (const Dim d : *known) contents->push_back(c.dims.sub(0, d));
  }
  c.set(0, std::move(type), std::move(contents));
}

// About what a function costs in multiplications and additions.
template <UnaryOp kOp>
Cost cost(const PlannedNode& n) {
  return {n.output(0).shape.count() * (kernels::select_unary(kOp, DType::kF32, Isa::kScalar).grain < (1 << 15) ? 16 : 1)};
}

template <UnaryOp kOp>
constexpr OpDef row(std::string_view name, std::span<const OpVersion> versions, std::span<const AttributeDef> attributes = {}, uint32_t traits = 0) {
  const bool same_type = kOp != UnaryOp::kIsNaN && kOp != UnaryOp::kIsInf;
  return {.name = name,
          .inputs = kX,
          .outputs = kY,
          .attributes = attributes,
          .versions = versions,
          .traits = kElementwise | (same_type ? kInPlace : 0u) | traits,
          .layout = LayoutRule::kAny,
          .infer = infer<kOp>,
          .cost = cost<kOp>,
          .bind = bind<kOp>};
}

}  // namespace

constinit const OpDef kRelu = row<UnaryOp::kRelu>("Relu", k14_13_6_1, {}, kF16Safe);
constinit const OpDef kLeakyRelu = row<UnaryOp::kLeakyRelu>("LeakyRelu", k16_6_1, kAlpha, kF16Safe);
constinit const OpDef kThresholdedRelu = row<UnaryOp::kThresholdedRelu>("ThresholdedRelu", k10, kAlpha, kF16Safe);
constinit const OpDef kElu = row<UnaryOp::kElu>("Elu", k6_1, kAlpha);
constinit const OpDef kSelu = row<UnaryOp::kSelu>("Selu", k6_1, kAlphaGamma);
constinit const OpDef kCelu = row<UnaryOp::kCelu>("Celu", k12, kAlpha);
constinit const OpDef kHardSigmoid = row<UnaryOp::kHardSigmoid>("HardSigmoid", k6_1, kAlphaBeta, kF16Safe);
constinit const OpDef kSigmoid = row<UnaryOp::kSigmoid>("Sigmoid", k13_6_1, {}, kF16Safe);
constinit const OpDef kTanh = row<UnaryOp::kTanh>("Tanh", k13_6_1, {}, kF16Safe);
constinit const OpDef kErf = row<UnaryOp::kErf>("Erf", k13_9);
constinit const OpDef kSoftplus = row<UnaryOp::kSoftplus>("Softplus", k1);
constinit const OpDef kSoftsign = row<UnaryOp::kSoftsign>("Softsign", k1);
constinit const OpDef kExp = row<UnaryOp::kExp>("Exp", k13_6_1);
constinit const OpDef kLog = row<UnaryOp::kLog>("Log", k13_6_1);
constinit const OpDef kSqrt = row<UnaryOp::kSqrt>("Sqrt", k13_6_1);
constinit const OpDef kReciprocal = row<UnaryOp::kReciprocal>("Reciprocal", k13_6_1);
constinit const OpDef kAbs = row<UnaryOp::kAbs>("Abs", k13_6_1, {}, kF16Safe);
constinit const OpDef kNeg = row<UnaryOp::kNeg>("Neg", k13_6_1, {}, kF16Safe);
constinit const OpDef kSign = row<UnaryOp::kSign>("Sign", k13_9, {}, kF16Safe);
constinit const OpDef kFloor = row<UnaryOp::kFloor>("Floor", k13_6_1, {}, kF16Safe);
constinit const OpDef kCeil = row<UnaryOp::kCeil>("Ceil", k13_6_1, {}, kF16Safe);
constinit const OpDef kRound = row<UnaryOp::kRound>("Round", k11, {}, kF16Safe);
constinit const OpDef kSin = row<UnaryOp::kSin>("Sin", k7);
constinit const OpDef kCos = row<UnaryOp::kCos>("Cos", k7);
constinit const OpDef kTan = row<UnaryOp::kTan>("Tan", k7);
constinit const OpDef kAsin = row<UnaryOp::kAsin>("Asin", k7);
constinit const OpDef kAcos = row<UnaryOp::kAcos>("Acos", k7);
constinit const OpDef kAtan = row<UnaryOp::kAtan>("Atan", k7);
constinit const OpDef kSinh = row<UnaryOp::kSinh>("Sinh", k9);
constinit const OpDef kCosh = row<UnaryOp::kCosh>("Cosh", k9);
constinit const OpDef kAsinh = row<UnaryOp::kAsinh>("Asinh", k9);
constinit const OpDef kAcosh = row<UnaryOp::kAcosh>("Acosh", k9);
constinit const OpDef kAtanh = row<UnaryOp::kAtanh>("Atanh", k9);
constinit const OpDef kNot = row<UnaryOp::kNot>("Not", k1);
constinit const OpDef kBitwiseNot = row<UnaryOp::kBitwiseNot>("BitwiseNot", k18);
constinit const OpDef kIsNaN = row<UnaryOp::kIsNaN>("IsNaN", k20_13_9);
constinit const OpDef kIsInf = row<UnaryOp::kIsInf>("IsInf", k20_10, kDetect);

namespace {

// HardSwish, Mish and Swish: composite, with a fused kernel.
std::vector<ValueId> expand_hard_swish(Graph& g, const Node& n) {
  const ValueId gate = g.add1(kHardSigmoid, {n.inputs[0]}, {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}});
  return {g.add1(kMul, {n.inputs[0], gate})};
}

std::vector<ValueId> expand_mish(Graph& g, const Node& n) { return {g.add1(kMul, {n.inputs[0], g.add1(kTanh, {g.add1(kSoftplus, {n.inputs[0]})})})}; }

std::vector<ValueId> expand_swish(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const double alpha = values_of(UnaryOp::kSwish, n.attributes).a;
  return {g.add1(kMul, {x, g.add1(kSigmoid, {alpha == 1 ? x : g.add1(kMul, {x, number(g, x, alpha)})})})};
}

template <UnaryOp kOp>
constexpr OpDef composite(std::string_view name, std::span<const OpVersion> versions, std::vector<ValueId> (*expand)(Graph&, const Node&),
                          std::span<const AttributeDef> attributes = {}) {
  OpDef def = row<kOp>(name, versions, attributes);
  def.expand = expand;
  return def;
}

// Gradients. g: of the output; x, y: input and output.
struct Terms {
  Graph& graph;
  ValueId g, x, y;

  ValueId num(double v) const { return number(graph, x, v); }
  ValueId mul(ValueId a, ValueId b) const { return graph.add1(kMul, {a, b}); }
  ValueId add(ValueId a, ValueId b) const { return graph.add1(kAdd, {a, b}); }
  ValueId sub(ValueId a, ValueId b) const { return graph.add1(kSub, {a, b}); }
  ValueId div(ValueId a, ValueId b) const { return graph.add1(kDiv, {a, b}); }
  ValueId of(const OpDef& op, ValueId a) const { return graph.add1(op, {a}); }
  ValueId where(ValueId condition, ValueId a, ValueId b) const { return graph.add1(kWhere, {condition, a, b}); }
  ValueId positive() const { return graph.add1(kGreater, {x, num(0)}); }
  ValueId zero() const { return mul(g, num(0)); }
};
using Rule = ValueId (*)(const Terms&, const Attributes&);

template <Rule kRule>
std::vector<ValueId> apply(GradContext& c) {
  return {kRule({c.graph, c.grad(), c.input(0), c.output(0)}, c.node.attributes)};
}

ValueId d_relu(const Terms& t, const Attributes&) { return t.graph.add1(kMaskPositive, {t.g, t.y}); }
ValueId d_leaky_relu(const Terms& t, const Attributes& a) {
  return t.where(t.positive(), t.g, t.mul(t.g, t.num(values_of(UnaryOp::kLeakyRelu, a).a)));
}
ValueId d_thresholded_relu(const Terms& t, const Attributes& a) {
  return t.where(t.graph.add1(kGreater, {t.x, t.num(values_of(UnaryOp::kThresholdedRelu, a).a)}), t.g, t.num(0));
}
ValueId d_elu(const Terms& t, const Attributes& a) {
  return t.where(t.positive(), t.g, t.mul(t.g, t.add(t.y, t.num(values_of(UnaryOp::kElu, a).a))));
}
ValueId d_selu(const Terms& t, const Attributes& a) {
  const UnaryParams p = values_of(UnaryOp::kSelu, a);
  return t.where(t.positive(), t.mul(t.g, t.num(p.b)), t.mul(t.g, t.add(t.y, t.num(p.a * p.b))));
}
ValueId d_celu(const Terms& t, const Attributes& a) {
  return t.where(t.positive(), t.g, t.mul(t.g, t.of(kExp, t.div(t.x, t.num(values_of(UnaryOp::kCelu, a).a)))));
}
ValueId d_hard_sigmoid(const Terms& t, const Attributes& a) {
  const ValueId inside = t.graph.add1(kAnd, {t.graph.add1(kGreater, {t.y, t.num(0)}), t.graph.add1(kLess, {t.y, t.num(1)})});
  return t.where(inside, t.mul(t.g, t.num(values_of(UnaryOp::kHardSigmoid, a).a)), t.num(0));
}
ValueId d_sigmoid(const Terms& t, const Attributes&) { return t.mul(t.g, t.mul(t.y, t.sub(t.num(1), t.y))); }
ValueId d_tanh(const Terms& t, const Attributes&) { return t.mul(t.g, t.sub(t.num(1), t.mul(t.y, t.y))); }
ValueId d_erf(const Terms& t, const Attributes&) {
  return t.mul(t.g, t.mul(t.num(2 * std::numbers::inv_sqrtpi), t.of(kExp, t.of(kNeg, t.mul(t.x, t.x)))));
}
ValueId d_softplus(const Terms& t, const Attributes&) { return t.mul(t.g, t.of(kSigmoid, t.x)); }
ValueId d_softsign(const Terms& t, const Attributes&) {
  const ValueId below = t.add(t.num(1), t.of(kAbs, t.x));
  return t.div(t.g, t.mul(below, below));
}
ValueId d_exp(const Terms& t, const Attributes&) { return t.mul(t.g, t.y); }
ValueId d_log(const Terms& t, const Attributes&) { return t.div(t.g, t.x); }
ValueId d_sqrt(const Terms& t, const Attributes&) { return t.div(t.mul(t.g, t.num(0.5)), t.y); }
ValueId d_reciprocal(const Terms& t, const Attributes&) { return t.of(kNeg, t.mul(t.g, t.mul(t.y, t.y))); }
ValueId d_abs(const Terms& t, const Attributes&) { return t.mul(t.g, t.of(kSign, t.x)); }
ValueId d_neg(const Terms& t, const Attributes&) { return t.of(kNeg, t.g); }
ValueId d_step(const Terms& t, const Attributes&) { return t.zero(); }
ValueId d_sin(const Terms& t, const Attributes&) { return t.mul(t.g, t.of(kCos, t.x)); }
ValueId d_cos(const Terms& t, const Attributes&) { return t.of(kNeg, t.mul(t.g, t.of(kSin, t.x))); }
ValueId square(const Terms& t, ValueId v) { return t.mul(v, v); }
ValueId d_tan(const Terms& t, const Attributes&) { return t.mul(t.g, t.add(t.num(1), square(t, t.y))); }
ValueId d_asin(const Terms& t, const Attributes&) { return t.div(t.g, t.of(kSqrt, t.sub(t.num(1), square(t, t.x)))); }
ValueId d_acos(const Terms& t, const Attributes& a) { return t.of(kNeg, d_asin(t, a)); }
ValueId d_atan(const Terms& t, const Attributes&) { return t.div(t.g, t.add(t.num(1), square(t, t.x))); }
ValueId d_sinh(const Terms& t, const Attributes&) { return t.mul(t.g, t.of(kCosh, t.x)); }
ValueId d_cosh(const Terms& t, const Attributes&) { return t.mul(t.g, t.of(kSinh, t.x)); }
ValueId d_asinh(const Terms& t, const Attributes&) { return t.div(t.g, t.of(kSqrt, t.add(square(t, t.x), t.num(1)))); }
ValueId d_acosh(const Terms& t, const Attributes&) { return t.div(t.g, t.of(kSqrt, t.sub(square(t, t.x), t.num(1)))); }
ValueId d_atanh(const Terms& t, const Attributes&) { return t.div(t.g, t.sub(t.num(1), square(t, t.x))); }

}  // namespace

constinit const OpDef kHardSwish = composite<UnaryOp::kHardSwish>("HardSwish", k14, expand_hard_swish);
constinit const OpDef kMish = composite<UnaryOp::kMish>("Mish", k18, expand_mish);
constinit const OpDef kSwish = composite<UnaryOp::kSwish>("Swish", k24, expand_swish, kAlpha);

#define OMNI_UNARY_GRADIENT(id, op_id, rule_of) \
  extern const GradDef id;                      \
  constinit const GradDef id = {.op = &op_id, .rule = apply<rule_of>}

OMNI_UNARY_GRADIENT(kReluGradient, kRelu, d_relu);
OMNI_UNARY_GRADIENT(kLeakyReluGradient, kLeakyRelu, d_leaky_relu);
OMNI_UNARY_GRADIENT(kThresholdedReluGradient, kThresholdedRelu, d_thresholded_relu);
OMNI_UNARY_GRADIENT(kEluGradient, kElu, d_elu);
OMNI_UNARY_GRADIENT(kSeluGradient, kSelu, d_selu);
OMNI_UNARY_GRADIENT(kCeluGradient, kCelu, d_celu);
OMNI_UNARY_GRADIENT(kHardSigmoidGradient, kHardSigmoid, d_hard_sigmoid);
OMNI_UNARY_GRADIENT(kSigmoidGradient, kSigmoid, d_sigmoid);
OMNI_UNARY_GRADIENT(kTanhGradient, kTanh, d_tanh);
OMNI_UNARY_GRADIENT(kErfGradient, kErf, d_erf);
OMNI_UNARY_GRADIENT(kSoftplusGradient, kSoftplus, d_softplus);
OMNI_UNARY_GRADIENT(kSoftsignGradient, kSoftsign, d_softsign);
OMNI_UNARY_GRADIENT(kExpGradient, kExp, d_exp);
OMNI_UNARY_GRADIENT(kLogGradient, kLog, d_log);
OMNI_UNARY_GRADIENT(kSqrtGradient, kSqrt, d_sqrt);
OMNI_UNARY_GRADIENT(kReciprocalGradient, kReciprocal, d_reciprocal);
OMNI_UNARY_GRADIENT(kAbsGradient, kAbs, d_abs);
OMNI_UNARY_GRADIENT(kNegGradient, kNeg, d_neg);
OMNI_UNARY_GRADIENT(kSignGradient, kSign, d_step);
OMNI_UNARY_GRADIENT(kFloorGradient, kFloor, d_step);
OMNI_UNARY_GRADIENT(kCeilGradient, kCeil, d_step);
OMNI_UNARY_GRADIENT(kRoundGradient, kRound, d_step);
OMNI_UNARY_GRADIENT(kSinGradient, kSin, d_sin);
OMNI_UNARY_GRADIENT(kCosGradient, kCos, d_cos);
OMNI_UNARY_GRADIENT(kTanGradient, kTan, d_tan);
OMNI_UNARY_GRADIENT(kAsinGradient, kAsin, d_asin);
OMNI_UNARY_GRADIENT(kAcosGradient, kAcos, d_acos);
OMNI_UNARY_GRADIENT(kAtanGradient, kAtan, d_atan);
OMNI_UNARY_GRADIENT(kSinhGradient, kSinh, d_sinh);
OMNI_UNARY_GRADIENT(kCoshGradient, kCosh, d_cosh);
OMNI_UNARY_GRADIENT(kAsinhGradient, kAsinh, d_asinh);
OMNI_UNARY_GRADIENT(kAcoshGradient, kAcosh, d_acosh);
OMNI_UNARY_GRADIENT(kAtanhGradient, kAtanh, d_atanh);

}  // namespace omni::ops
