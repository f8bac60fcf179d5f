// Operators of two tensors, element by element with NumPy broadcasting: one row each.
#include "kernels/elementwise/binary.h"

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/cast/cast.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

using kernels::BinaryKernel;
using kernels::BinaryOp;

constexpr Formal kAB[] = {{"A"}, {"B"}};
constexpr Formal kSlopeAB[] = {{"X"}, {"slope", 0, ParamKind::kSlope}};
constexpr Formal kC[] = {{"C"}};
constexpr AttributeDef kFmodAttribute[] = {{"fmod", AttributeKind::kInt}};
constexpr AttributeDef kDirection[] = {{"direction", AttributeKind::kString, true}};

// Before opset 7 a slope of one dimension belonged to the channels.
void upgrade_slope(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 2);
  if (const Type& slope = graph.type(draft.inputs[1]); slope.ranked && slope.rank() == 1) {
    draft.attributes.set("broadcast", int64_t{1});
    draft.attributes.set("axis", int64_t{1});
  }
  upgrade_axis_broadcast(graph, draft);
}

constexpr OpVersion k14_13_7_6_1[] = {{14}, {13}, {7}, {6, upgrade_axis_broadcast}, {1, upgrade_axis_broadcast}};
constexpr OpVersion k15_13_12_7_1[] = {{15}, {13}, {12}, {7}, {1, upgrade_axis_broadcast}};
constexpr OpVersion k13_11_7_1[] = {{13}, {11}, {7}, {1, upgrade_axis_broadcast}};
constexpr OpVersion k19_13_11_7_1[] = {{19}, {13}, {11}, {7}, {1, upgrade_axis_broadcast}};
constexpr OpVersion k13_9_7_1[] = {{13}, {9}, {7}, {1, upgrade_axis_broadcast}};
constexpr OpVersion k16_12[] = {{16}, {12}};
constexpr OpVersion k13_10[] = {{13}, {10}};
constexpr OpVersion k16_9_7_6_1[] = {{16}, {9}, {7}, {6, upgrade_slope}, {1, upgrade_slope}};
constexpr OpVersion k7_1[] = {{7}, {1, upgrade_axis_broadcast}};
constexpr OpVersion k11[] = {{11}};
constexpr OpVersion k18[] = {{18}};

struct Params {
  BinaryKernel kernel;
  kernels::BroadcastPlan plan;
  DType exponent = DType::kF64;  // of Pow with two element types: cast into the scratch first
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_binary(p.kernel, p.plan, args.inputs[0].data, args.inputs[1].data, args.outputs[0].data, *args.pool, *args.status);
}

void run_mixed_power(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_cast({p.exponent, DType::kF64, p.kernel.isa}, args.inputs[1].data, args.scratch, args.inputs[1].count(), *args.pool);
  kernels::run_binary(p.kernel, p.plan, args.inputs[0].data, args.scratch, args.outputs[0].data, *args.pool, *args.status);
}

BinaryOp variant(BinaryOp op, const PlannedNode& n) {
  if (op == BinaryOp::kMod && n.attributes.get_int("fmod", 0) != 0) return BinaryOp::kFmod;
  if (op == BinaryOp::kShiftLeft && n.attributes.get_string("direction", "") == "RIGHT") return BinaryOp::kShiftRight;
  return op;
}

template <BinaryOp kOp>
Binding bind(const PlannedNode& n) {
  const DType a = n.input(0).dtype, b = n.input(1).dtype;
  const bool mixed = kOp == BinaryOp::kPow && a != b;
  const BinaryKernel kernel = kernels::select_binary(mixed ? BinaryOp::kPowDouble : variant(kOp, n), a, n.isa);
  if (!kernel || (mixed && !kernels::cast_supports(b, DType::kF64))) n.unsupported("no kernel for these element types");
  const auto params = std::make_shared<Params>(Params{kernel, plan_operands(n, 2), b});
  if (mixed) return {run_mixed_power, params, static_cast<size_t>(n.input(1).shape.count()) * sizeof(double)};
  return {run, params, 0};
}

constexpr bool is_predicate(BinaryOp op) {
  return (op >= BinaryOp::kEqual && op <= BinaryOp::kGreaterOrEqual) || op == BinaryOp::kAnd || op == BinaryOp::kOr || op == BinaryOp::kXor;
}

// A lone symbol: not negative.
bool is_size(const DimTable& dims, Dim d) { return !d.is_constant() && !dims.symbol_name(d).empty(); }

std::optional<Dim> number_of(BinaryOp op, DimTable& dims, Dim a, Dim b) {
  const bool constants = a.is_constant() && b.is_constant();
  switch (op) {
    case BinaryOp::kAdd: return dims.add(a, b);
    case BinaryOp::kSub: return dims.sub(a, b);
    case BinaryOp::kMul: return dims.mul(a, b);
    case BinaryOp::kDiv:  // truncation: the same as floor for sizes
      if (b == Dim(0) || (b.is_constant() && b.value < 0)) return std::nullopt;
      if (constants) return Dim(a.value / b.value);
      return dims.floor_div(a, b);
    case BinaryOp::kMod:
      if (!constants || b.value <= 0) return std::nullopt;
      return Dim(a.value % b.value < 0 ? a.value % b.value + b.value : a.value % b.value);
    case BinaryOp::kEqual:
      if (a == b) return Dim(1);
      if (is_size(dims, a) && b.is_constant() && b.value < 0) return Dim(0);  // PyTorch asks whether a size is the -1 of expand()
      if (is_size(dims, b) && a.is_constant() && a.value < 0) return Dim(0);
      return constants ? std::optional<Dim>(0) : std::nullopt;
    case BinaryOp::kLess: return constants ? std::optional<Dim>(a.value < b.value) : std::nullopt;
    case BinaryOp::kLessOrEqual: return constants ? std::optional<Dim>(a.value <= b.value) : std::nullopt;
    case BinaryOp::kGreater: return constants ? std::optional<Dim>(a.value > b.value) : std::nullopt;
    case BinaryOp::kGreaterOrEqual: return constants ? std::optional<Dim>(a.value >= b.value) : std::nullopt;
    case BinaryOp::kAnd: return constants ? std::optional<Dim>(a.value != 0 && b.value != 0) : std::nullopt;
    case BinaryOp::kOr: return constants ? std::optional<Dim>(a.value != 0 || b.value != 0) : std::nullopt;
    default: return std::nullopt;
  }
}

template <BinaryOp kOp>
void infer(InferContext& c) {
  if (kOp != BinaryOp::kPow) require_same_dtype(c, 0, 2);
  const DType dtype = is_predicate(kOp) ? DType::kBool : c.input(0).dtype;
  Type type = broadcast_type(c, dtype);
  if (kOp == BinaryOp::kPRelu && type.ranked && c.input(0).ranked && type.rank() != c.input(0).rank()) c.fail("the slope does not broadcast to X");
  std::optional<Contents> contents;
  if (is_integer(c.input(0).dtype) || c.input(0).dtype == DType::kBool) {
    contents = combine_contents(c, 0, 1, [](DimTable& dims, Dim a, Dim b) { return number_of(kOp, dims, a, b); });
  }
  c.set(0, std::move(type), std::move(contents));
}

template <BinaryOp kOp>
constexpr OpDef row(std::string_view name, std::span<const OpVersion> versions, std::span<const AttributeDef> attributes = {}, uint32_t traits = 0,
                    std::span<const Formal> inputs = kAB) {
  return {.name = name,
          .inputs = inputs,
          .outputs = kC,
          .attributes = attributes,
          .versions = versions,
          .traits = kElementwise | (is_predicate(kOp) ? 0u : kInPlace) | traits,
          .layout = LayoutRule::kAny,
          .infer = infer<kOp>,
          .bind = bind<kOp>};
}

constexpr OpDef own(OpDef def) {
  def.domain = "ai.omni";
  return def;
}

}  // namespace

constinit const OpDef kAdd = row<BinaryOp::kAdd>("Add", k14_13_7_6_1, {}, kF16Safe);
constinit const OpDef kSub = row<BinaryOp::kSub>("Sub", k14_13_7_6_1, {}, kF16Safe);
constinit const OpDef kMul = row<BinaryOp::kMul>("Mul", k14_13_7_6_1, {}, kF16Safe);
constinit const OpDef kDiv = row<BinaryOp::kDiv>("Div", k14_13_7_6_1);
constinit const OpDef kPow = row<BinaryOp::kPow>("Pow", k15_13_12_7_1);
constinit const OpDef kMod = row<BinaryOp::kMod>("Mod", k13_10, kFmodAttribute);
constinit const OpDef kPRelu = row<BinaryOp::kPRelu>("PRelu", k16_9_7_6_1, {}, kF16Safe, kSlopeAB);
constinit const OpDef kEqual = row<BinaryOp::kEqual>("Equal", k19_13_11_7_1, {}, kMovesData);
constinit const OpDef kLess = row<BinaryOp::kLess>("Less", k13_9_7_1);
constinit const OpDef kLessOrEqual = row<BinaryOp::kLessOrEqual>("LessOrEqual", k16_12);
constinit const OpDef kGreater = row<BinaryOp::kGreater>("Greater", k13_9_7_1);
constinit const OpDef kGreaterOrEqual = row<BinaryOp::kGreaterOrEqual>("GreaterOrEqual", k16_12);
constinit const OpDef kAnd = row<BinaryOp::kAnd>("And", k7_1);
constinit const OpDef kOr = row<BinaryOp::kOr>("Or", k7_1);
constinit const OpDef kXor = row<BinaryOp::kXor>("Xor", k7_1);
constinit const OpDef kBitwiseAnd = row<BinaryOp::kBitwiseAnd>("BitwiseAnd", k18);
constinit const OpDef kBitwiseOr = row<BinaryOp::kBitwiseOr>("BitwiseOr", k18);
constinit const OpDef kBitwiseXor = row<BinaryOp::kBitwiseXor>("BitwiseXor", k18);
constinit const OpDef kBitShift = row<BinaryOp::kShiftLeft>("BitShift", k11, kDirection);
// A where B > 0, else 0: the gradient of Relu.
constinit const OpDef kMaskPositive = own(row<BinaryOp::kMaskPositive>("MaskPositive", {}));

namespace {

struct Terms {
  GradContext& c;
  ValueId g = c.grad(), a = c.input(0), b = c.input(1), y = c.output(0);

  ValueId mul(ValueId p, ValueId q) const { return c.graph.add1(kMul, {p, q}); }
  ValueId div(ValueId p, ValueId q) const { return c.graph.add1(kDiv, {p, q}); }
  ValueId negative(ValueId p) const { return c.graph.add1(kNeg, {p}); }
  // The gradients of both operands, summed to their shapes; what is not wanted is not made.
  template <class A, class B>
  std::vector<ValueId> both(A of_a, B of_b) const {
    return {c.wants(0) ? sum_to(c.graph, of_a(), a) : kNone, c.wants(1) ? sum_to(c.graph, of_b(), b) : kNone};
  }
};

std::vector<ValueId> d_add(GradContext& c) {
  const Terms t{c};
  return t.both([&] { return t.g; }, [&] { return t.g; });
}
std::vector<ValueId> d_sub(GradContext& c) {
  const Terms t{c};
  return t.both([&] { return t.g; }, [&] { return t.negative(t.g); });
}
std::vector<ValueId> d_mul(GradContext& c) {
  const Terms t{c};
  return t.both([&] { return t.mul(t.g, t.b); }, [&] { return t.mul(t.g, t.a); });
}
std::vector<ValueId> d_div(GradContext& c) {
  const Terms t{c};
  return t.both([&] { return t.div(t.g, t.b); }, [&] { return t.negative(t.div(t.mul(t.g, t.y), t.b)); });
}
std::vector<ValueId> d_pow(GradContext& c) {
  const Terms t{c};
  return t.both(
      [&] {
        const ValueId less = c.graph.add1(kSub, {t.b, number(c.graph, t.b, 1)});
        const ValueId exponent = cast_to(c.graph, t.b, c.graph.type(t.a).dtype);
        return t.mul(t.g, t.mul(exponent, c.graph.add1(kPow, {t.a, less})));
      },
      [&] { return t.mul(t.g, t.mul(t.y, c.graph.add1(kLog, {t.a}))); });
}
std::vector<ValueId> d_prelu(GradContext& c) {
  const Terms t{c};
  const ValueId zero = number(c.graph, t.a, 0), below = c.graph.add1(kLess, {t.a, zero});
  return t.both(
      [&] {
        return c.graph.add1(kWhere, {below, t.mul(t.g, t.b), t.g});
      },
      [&] {
        return c.graph.add1(kWhere, {below, t.mul(t.g, t.a), zero});
      });
}
std::vector<ValueId> d_mask_positive(GradContext& c) {
  return {c.wants(0) ? c.graph.add1(kMaskPositive, {c.grad(), c.input(1)}) : kNone,
          c.wants(1) ? c.graph.add1(kMul, {c.grad(), number(c.graph, c.grad(), 0)}) : kNone};
}

}  // namespace

#define OMNI_BINARY_GRADIENT(id, op_id, rule_of) \
  extern const GradDef id;                       \
  constinit const GradDef id = {.op = &op_id, .rule = rule_of}

OMNI_BINARY_GRADIENT(kAddGradient, kAdd, d_add);
OMNI_BINARY_GRADIENT(kSubGradient, kSub, d_sub);
OMNI_BINARY_GRADIENT(kMulGradient, kMul, d_mul);
OMNI_BINARY_GRADIENT(kDivGradient, kDiv, d_div);
OMNI_BINARY_GRADIENT(kPowGradient, kPow, d_pow);
OMNI_BINARY_GRADIENT(kPReluGradient, kPRelu, d_prelu);
OMNI_BINARY_GRADIENT(kMaskPositiveGradient, kMaskPositive, d_mask_positive);

}  // namespace omni::ops
