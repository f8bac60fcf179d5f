// Softmax and LogSoftmax (ai.onnx) along one axis. Before opset 13 everything from the axis on was one dimension.
#include "kernels/softmax/softmax.h"

#include "core/half.h"
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/cast/cast.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};

// Flatten–Softmax–Reshape, unless the axis is the last one anyway.
void upgrade_flattening(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const Type& x = graph.type(draft.inputs[0]);
  const int64_t stated = draft.attributes.get_int("axis", 1);
  if (!x.ranked) throw Error(ErrorCode::kUnsupported, "a softmax before opset 13 of a tensor of unknown rank", draft.name);
  const int64_t axis = stated < 0 ? stated + x.rank() : stated;
  draft.attributes.set("axis", int64_t{-1});
  if (axis == x.rank() - 1) return;
  const ValueId flat = graph.add1(kFlatten, {draft.inputs[0]}, {{"axis", axis}});
  const ValueId y = graph.add1(*draft.op, {flat}, {{"axis", int64_t{-1}}});
  draft.results = {graph.add1(kReshape, {y, graph.add1(kShape, {draft.inputs[0]})}, {}, {.name = draft.name})};
}

constexpr OpVersion kVersions[] = {{13}, {11, upgrade_flattening}, {1, upgrade_flattening}};

void infer(InferContext& c) {
  if (c.input(0).ranked) c.axis(c.attributes.get_int("axis", -1), c.input(0).rank());
  c.set(0, c.input(0));
}

struct Params {
  kernels::SoftmaxKernel kernel;
  kernels::SoftmaxArgs args;
  kernels::CastKernel widen, narrow;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_softmax(p.kernel, p.args, args.inputs[0].data, args.outputs[0].data, *args.pool);
}

// Halves: widened into the scratch, narrowed from there.
void run_half(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const int64_t n = args.outputs[0].count();
  kernels::run_cast(p.widen, args.inputs[0].data, args.scratch, n, *args.pool);
  kernels::run_softmax(p.kernel, p.args, args.scratch, args.scratch, *args.pool);
  kernels::run_cast(p.narrow, args.scratch, args.outputs[0].data, n, *args.pool);
}

template <bool kLog>
Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  const bool half = x.dtype == DType::kF16 || x.dtype == DType::kBF16;
  const kernels::SoftmaxKernel kernel = kernels::select_softmax(half ? DType::kF32 : x.dtype, n.isa);
  if (!kernel) n.unsupported("no kernel for this element type");
  const int rank = x.shape.rank();
  const int64_t stated = n.attributes.get_int("axis", -1);
  const int axis = physical_axis(static_cast<int>(stated < 0 ? stated + rank : stated), rank, x.layout);
  const Shape shape = x.physical();
  const kernels::SoftmaxArgs args{shape.count(0, axis), shape[axis], shape.count(axis + 1), kLog};
  const auto params = std::make_shared<Params>(Params{kernel, args, {x.dtype, DType::kF32, n.isa}, {DType::kF32, x.dtype, n.isa}});
  if (half) return {run_half, params, static_cast<size_t>(x.shape.count()) * sizeof(float)};
  return {run, params, 0};
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * 20}; }

template <bool kLog>
constexpr OpDef row(std::string_view name) {
  return {.name = name,
          .inputs = kInputs,
          .outputs = kOutputs,
          .attributes = kAttributes,
          .versions = kVersions,
          .traits = kInPlace,
          .layout = LayoutRule::kAny,
          .infer = infer,
          .cost = cost,
          .bind = bind<kLog>};
}

}  // namespace

constinit const OpDef kSoftmax = row<false>("Softmax");
constinit const OpDef kLogSoftmax = row<true>("LogSoftmax");

namespace {

ValueId sum_along(GradContext& c, ValueId v) {
  const ValueId axes = c.graph.add_constant("axes", Tensor::of<int64_t>(Shape{1}, {c.node.attributes.get_int("axis", -1)}));
  return c.graph.add1(kReduceSum, {v, axes}, {{"keepdims", int64_t{1}}});
}

// y (g − Σ g y)
std::vector<ValueId> d_softmax(GradContext& c) {
  const ValueId y = c.output(0), total = sum_along(c, c.graph.add1(kMul, {c.grad(), y}));
  return {c.graph.add1(kMul, {y, c.graph.add1(kSub, {c.grad(), total})})};
}

// g − e^y Σ g
std::vector<ValueId> d_log_softmax(GradContext& c) {
  return {c.graph.add1(kSub, {c.grad(), c.graph.add1(kMul, {c.graph.add1(kExp, {c.output(0)}), sum_along(c, c.grad())})})};
}

}  // namespace

extern const GradDef kSoftmaxGradient, kLogSoftmaxGradient;
constinit const GradDef kSoftmaxGradient = {.op = &kSoftmax, .rule = d_softmax};
constinit const GradDef kLogSoftmaxGradient = {.op = &kLogSoftmax, .rule = d_log_softmax};

}  // namespace omni::ops
