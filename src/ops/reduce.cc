// ReduceSum, ReduceMean, ReduceMax, ReduceMin, ReduceProd, ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum, ReduceLogSumExp (ai.onnx):
// one row each. Since opset 18 (ReduceSum: 13) the axes are an input.
#include "graph/grad_def.h"
#include "ops/elementwise.h"
#include "ops/reduce_binding.h"

namespace omni::ops {

namespace {

using kernels::ReduceOp;

constexpr Formal kInputs[] = {{"data"}, {"axes", kOptional}};
constexpr Formal kOutputs[] = {{"reduced"}};
constexpr AttributeDef kAttributes[] = {{"keepdims", AttributeKind::kInt}, {"noop_with_empty_axes", AttributeKind::kInt}};

void upgrade_axes(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  draft.inputs.resize(1);
  if (draft.attributes.has("axes")) {
    const std::vector<int64_t> axes = draft.attributes.get_ints("axes");
    draft.inputs.push_back(graph.add_constant(draft.name + ".axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes)));
    draft.attributes.erase("axes");
  }
}

void lower_axes(const Graph& graph, NodeDraft& draft) {
  const bool noop = draft.attributes.get_int("noop_with_empty_axes", 0) != 0;
  draft.attributes.erase("noop_with_empty_axes");
  if (draft.inputs.size() > 1 && draft.inputs[1] != kNone) {
    if (!graph.is_constant(draft.inputs[1])) throw Error(ErrorCode::kUnsupported, "the axes are computed, which this opset cannot say", draft.name);
    draft.attributes.set("axes", to_int64(graph.value(draft.inputs[1]).data));
  } else if (noop) {
    throw Error(ErrorCode::kUnsupported, "noop_with_empty_axes does not exist in this opset", draft.name);
  }
  draft.inputs.resize(1);
}

constexpr OpVersion kSumVersions[] = {{13}, {11, upgrade_axes, lower_axes}, {1}};
constexpr OpVersion k18[] = {{18}, {13, upgrade_axes, lower_axes}, {11}, {1}};
constexpr OpVersion k20[] = {{20}, {18}, {13, upgrade_axes, lower_axes}, {12}, {11}, {1}};

// Which axes are reduced; nothing while they are not known.
std::optional<std::vector<bool>> reduced_axes(const Attributes& attributes, bool has_axes, std::optional<std::vector<int64_t>> axes, int rank,
                                              const std::function<int(int64_t)>& resolve) {
  std::vector<bool> reduced(static_cast<size_t>(rank), false);
  if (has_axes && !axes) return std::nullopt;
  if (!has_axes || axes->empty()) {
    if (attributes.get_int("noop_with_empty_axes", 0) == 0) reduced.assign(static_cast<size_t>(rank), true);
    return reduced;
  }
  for (const int64_t a : *axes) reduced[static_cast<size_t>(resolve(a))] = true;
  return reduced;
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const bool keep = c.attributes.get_int("keepdims", 1) != 0;
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  std::optional<std::vector<int64_t>> axes;
  if (const Contents* known = c.contents(1); known != nullptr) {
    axes.emplace();
    for (const Dim d : *known) {
      if (axes && d.is_constant())
        axes->push_back(d.value);
      else
        axes.reset();
    }
  }
  const auto reduced = reduced_axes(c.attributes, c.has_input(1), axes, x.rank(), [&](int64_t a) { return c.axis(a, x.rank()); });
  std::vector<Dim> dims;
  if (!reduced) {
    if (!keep) return c.set(0, Type::unranked(x.dtype));
    for (int d = 0; d < x.rank(); ++d) dims.push_back(c.dims.fresh());
    return c.set(0, Type(x.dtype, std::move(dims)));
  }
  for (int d = 0; d < x.rank(); ++d) {
    if (!(*reduced)[static_cast<size_t>(d)])
      dims.push_back(x.dim(d));
    else if (keep)
      dims.push_back(1);
  }
  c.set(0, Type(x.dtype, std::move(dims)));
}

// Contents of a shape's product or sum.
template <ReduceOp kOp>
void infer_row(InferContext& c) {
  infer(c);
  const Contents* known = c.contents(0);
  if (known == nullptr || c.input(0).rank() != 1 || c.has_input(1) == (c.contents(1) == nullptr)) return;
  if (kOp != ReduceOp::kProd && kOp != ReduceOp::kSum) return;
  if (c.attributes.get_int("noop_with_empty_axes", 0) != 0) return;
  Dim total = kOp == ReduceOp::kProd ? 1 : 0;
  for (const Dim d : *known) total = kOp == ReduceOp::kProd ? c.dims.mul(total, d) : c.dims.add(total, d);
  std::vector<Dim> dims(c.attributes.get_int("keepdims", 1) != 0 ? 1 : 0, Dim(1));
  c.set(0, Type(c.input(0).dtype, std::move(dims)), Contents{total});
}

template <ReduceOp kOp>
Binding bind(const PlannedNode& n) {
  const int rank = n.input(0).shape.rank();
  std::optional<std::vector<int64_t>> axes;
  if (n.has_input(1) && n.input(1).constant != nullptr) axes = to_int64(*n.input(1).constant);
  const auto reduced = reduced_axes(n.attributes, n.has_input(1), axes, rank, [&](int64_t a) { return planned_axis(n, a, rank); });
  if (!reduced) n.unsupported("the axes are not known when the graph is planned");
  const bool keep = n.attributes.get_int("keepdims", 1) != 0;
  std::vector<int> out_dims;
  int next = 0;
  for (int a = 0; a < rank; ++a) {
    const bool gone = (*reduced)[static_cast<size_t>(a)];
    out_dims.push_back(gone ? -1 : next);
    next += !gone || keep ? 1 : 0;
  }
  if (n.input(0).dtype == DType::kBool && (kOp == ReduceOp::kMax || kOp == ReduceOp::kMin)) {  // any, all: the bytes 0 and 1
    std::vector<PlannedValue> inputs(n.inputs.begin(), n.inputs.end()), outputs(n.outputs.begin(), n.outputs.end());
    inputs[0].dtype = outputs[0].dtype = DType::kU8;
    return bind_reduction({n.op, n.name, n.attributes, inputs, outputs, n.isa}, kOp == ReduceOp::kMax ? ReduceOp::kMax : ReduceOp::kProd, out_dims);
  }
  return bind_reduction(n, kOp, out_dims);
}

Cost cost(const PlannedNode& n) { return {n.input(0).shape.count()}; }

template <ReduceOp kOp>
constexpr OpDef row(std::string_view name, std::span<const OpVersion> versions) {
  return {.name = name,
          .inputs = kInputs,
          .outputs = kOutputs,
          .attributes = kAttributes,
          .versions = versions,
          .traits = kReduction,
          .layout = LayoutRule::kAny,
          .infer = infer_row<kOp>,
          .cost = cost,
          .bind = bind<kOp>};
}

}  // namespace

constinit const OpDef kReduceSum = row<ReduceOp::kSum>("ReduceSum", kSumVersions);
constinit const OpDef kReduceMean = row<ReduceOp::kMean>("ReduceMean", k18);
constinit const OpDef kReduceMax = row<ReduceOp::kMax>("ReduceMax", k20);
constinit const OpDef kReduceMin = row<ReduceOp::kMin>("ReduceMin", k20);
constinit const OpDef kReduceProd = row<ReduceOp::kProd>("ReduceProd", k18);
constinit const OpDef kReduceL1 = row<ReduceOp::kL1>("ReduceL1", k18);
constinit const OpDef kReduceL2 = row<ReduceOp::kL2>("ReduceL2", k18);
constinit const OpDef kReduceSumSquare = row<ReduceOp::kSumSquare>("ReduceSumSquare", k18);
constinit const OpDef kReduceLogSum = row<ReduceOp::kLogSum>("ReduceLogSum", k18);
constinit const OpDef kReduceLogSumExp = row<ReduceOp::kLogSumExp>("ReduceLogSumExp", k18);

namespace {

// g: the gradient and y: the result with the reduced dimensions put back as ones, so that they broadcast against x.
struct Terms {
  GradContext& c;
  ValueId x = c.input(0), g, y;

  explicit Terms(GradContext& context) : c(context), g(kept(context.grad())), y(kept(context.output(0))) {}

  // Without keepdims: a Reshape to the shape with ones, which for unknown sizes is x's shape with the reduced entries replaced.
  ValueId kept(ValueId v) const {
    if (c.node.attributes.get_int("keepdims", 1) != 0) return v;
    const ValueId axes = c.input(1);
    const int rank = c.graph.type(c.input(0)).rank();
    if (axes != kNone) return c.graph.add1(kUnsqueeze, {v, axes});
    if (c.node.attributes.get_int("noop_with_empty_axes", 0) != 0) return v;
    std::vector<int64_t> all;
    for (int d = 0; d < rank; ++d) all.push_back(d);
    return c.graph.add1(kUnsqueeze, {v, c.graph.add_constant("axes", Tensor::of<int64_t>(Shape{rank}, all))});
  }
  ValueId mul(ValueId a, ValueId b) const { return c.graph.add1(kMul, {a, b}); }
  ValueId div(ValueId a, ValueId b) const { return c.graph.add1(kDiv, {a, b}); }
  ValueId spread(ValueId v) const { return c.graph.add1(kBroadcastLike, {v, x}); }
  ValueId num(double v) const { return number(c.graph, x, v); }
  std::vector<ValueId> result(ValueId v) const { return {v, kNone}; }
};

std::vector<ValueId> d_sum(GradContext& c) {
  const Terms t(c);
  return t.result(t.spread(t.g));
}
std::vector<ValueId> d_mean(GradContext& c) {
  const Terms t(c);
  // 1/n: the reduction of ones of x's shape would cost a pass over x; Size(x) / Size(y) is known to the planner.
  const ValueId sizes = c.graph.add1(kDiv, {c.graph.add1(kSize, {t.x}), c.graph.add1(kSize, {c.output(0)})});
  const ValueId n = cast_to(c.graph, sizes, c.graph.type(t.x).dtype);
  return t.result(t.spread(t.div(t.g, n)));
}
std::vector<ValueId> d_extremum(GradContext& c) {  // shared equally by all elements that are the extremum
  const Terms t(c);
  const ValueId is_it = cast_to(c.graph, c.graph.add1(kEqual, {t.x, t.y}), c.graph.type(t.x).dtype);
  return t.result(t.mul(is_it, t.div(t.g, sum_to(c.graph, is_it, t.y))));
}
// The product of all others: of the elements that are not 0 over x where none is 0; that product itself at the only 0; nothing where there are more.
std::vector<ValueId> d_product(GradContext& c) {
  const Terms t(c);
  Graph& g = c.graph;
  const ValueId zero = g.add1(kEqual, {t.x, t.num(0)}), safe = g.add1(kWhere, {zero, t.num(1), t.x});
  Attributes kept = c.node.attributes;
  kept.set("keepdims", int64_t{1});
  const auto over = [&](const OpDef& op, ValueId v) { return g.add1(op, {v, c.input(1)}, kept); };
  const ValueId product = over(kReduceProd, safe), zeros = over(kReduceSum, cast_to(g, zero, g.type(t.x).dtype));
  const ValueId none = g.add1(kLess, {zeros, t.num(0.5)}), one = g.add1(kLess, {zeros, t.num(1.5)});
  const ValueId at_zero = g.add1(kWhere, {g.add1(kAnd, {zero, one}), product, t.num(0)});
  return t.result(t.mul(t.g, g.add1(kWhere, {none, t.div(product, safe), at_zero})));
}
std::vector<ValueId> d_l1(GradContext& c) {
  const Terms t(c);
  return t.result(t.mul(t.g, c.graph.add1(kSign, {t.x})));
}
std::vector<ValueId> d_l2(GradContext& c) {
  const Terms t(c);
  return t.result(t.mul(t.x, t.div(t.g, t.y)));
}
std::vector<ValueId> d_sum_square(GradContext& c) {
  const Terms t(c);
  return t.result(t.mul(t.x, t.mul(t.g, t.num(2))));
}
std::vector<ValueId> d_log_sum(GradContext& c) {
  const Terms t(c);
  return t.result(t.spread(t.div(t.g, c.graph.add1(kExp, {t.y}))));
}
std::vector<ValueId> d_log_sum_exp(GradContext& c) {
  const Terms t(c);
  return t.result(t.mul(t.g, c.graph.add1(kExp, {c.graph.add1(kSub, {t.x, t.y})})));
}

}  // namespace

#define OMNI_REDUCE_GRADIENT(id, op_id, rule_of) \
  extern const GradDef id;                       \
  constinit const GradDef id = {.op = &op_id, .rule = rule_of}

OMNI_REDUCE_GRADIENT(kReduceSumGradient, kReduceSum, d_sum);
OMNI_REDUCE_GRADIENT(kReduceMeanGradient, kReduceMean, d_mean);
OMNI_REDUCE_GRADIENT(kReduceMaxGradient, kReduceMax, d_extremum);
OMNI_REDUCE_GRADIENT(kReduceMinGradient, kReduceMin, d_extremum);
OMNI_REDUCE_GRADIENT(kReduceProdGradient, kReduceProd, d_product);
OMNI_REDUCE_GRADIENT(kReduceL1Gradient, kReduceL1, d_l1);
OMNI_REDUCE_GRADIENT(kReduceL2Gradient, kReduceL2, d_l2);
OMNI_REDUCE_GRADIENT(kReduceSumSquareGradient, kReduceSumSquare, d_sum_square);
OMNI_REDUCE_GRADIENT(kReduceLogSumGradient, kReduceLogSum, d_log_sum);
OMNI_REDUCE_GRADIENT(kReduceLogSumExpGradient, kReduceLogSumExp, d_log_sum_exp);

}  // namespace omni::ops
