// Sum, Mean, Max, Min (ai.onnx) of any number of tensors with broadcasting: one row each.
#include "core/half.h"
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/elementwise/binary.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

using kernels::BinaryKernel;
using kernels::BinaryOp;

constexpr Formal kInputs[] = {{"data", kVariadic}};
constexpr Formal kOutputs[] = {{"result"}};
constexpr OpVersion k13_8_6_1[] = {{13}, {8}, {6}, {1, drop_consumed_inputs}};
constexpr OpVersion k13_12_8_6_1[] = {{13}, {12}, {8}, {6}, {1, drop_consumed_inputs}};

struct Params {
  BinaryKernel combine, scale;
  std::vector<kernels::BroadcastPlan> plans;  // [i]: what came of the first i + 1 inputs with input i + 1; the last: the mean's division
  kernels::CopyPlan copy;                     // input 0 to the output, where there is only one
};

// result = in0; result = f(result, in_i): the output's own memory holds what came together so far.
void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  void* y = args.outputs[0].data;
  if (args.inputs.size() == 1) kernels::run_copy(p.copy, args.inputs[0].data, y, *args.pool);
  for (size_t i = 1; i < args.inputs.size(); ++i) {
    kernels::run_binary(p.combine, p.plans[i - 1], i == 1 ? args.inputs[0].data : y, args.inputs[i].data, y, *args.pool, *args.status);
  }
  if (p.scale) kernels::run_binary(p.scale, p.plans.back(), y, args.scratch, y, *args.pool, *args.status);  // the number of inputs
}

// The number of inputs in the element type, then as above.
void run_mean(const KernelArgs& args) noexcept {
  const double n = static_cast<double>(args.inputs.size());
  switch (args.outputs[0].dtype) {
    case DType::kF64: *reinterpret_cast<double*>(args.scratch) = n; break;
    case DType::kF16: *reinterpret_cast<uint16_t*>(args.scratch) = f32_to_f16(static_cast<float>(n)); break;
    case DType::kBF16: *reinterpret_cast<uint16_t*>(args.scratch) = f32_to_bf16(static_cast<float>(n)); break;
    default: *reinterpret_cast<float*>(args.scratch) = static_cast<float>(n); break;
  }
  run(args);
}

template <BinaryOp kOp, bool kMean>
Binding bind(const PlannedNode& n) {
  const DType dtype = n.input(0).dtype;
  auto params = std::make_shared<Params>();
  params->combine = kernels::select_binary(kOp, dtype, n.isa);
  if (!params->combine || (kMean && !is_float(dtype))) n.unsupported("no kernel for this element type");
  const Shape out = n.output(0).physical();
  for (size_t i = 1; i < n.inputs.size(); ++i) {
    // All but the first pair read the output, which has the full shape already.
    const Shape operands[] = {i == 1 ? physical_operand(n.input(0), n.output(0)) : out, physical_operand(n.input(static_cast<int>(i)), n.output(0))};
    params->plans.push_back(kernels::plan_broadcast(operands, out));
  }
  if (n.inputs.size() == 1) params->copy = kernels::plan_expand(n.input(0).physical(), out, dtype_size(dtype), n.isa);
  if (!kMean) return {run, params, 0};
  params->scale = kernels::select_binary(BinaryOp::kDiv, dtype, n.isa);
  const Shape operands[] = {out, Shape{}};
  params->plans.push_back(kernels::plan_broadcast(operands, out));
  return {run_mean, params, sizeof(double)};
}

void infer(InferContext& c) {
  require_same_dtype(c, 0, c.input_count());
  Type type = broadcast_type(c, c.input(0).dtype);
  std::optional<Contents> contents;
  if (c.input_count() == 1 && c.contents(0) != nullptr) contents = *c.contents(0);
  c.set(0, std::move(type), std::move(contents));
}

// Max and Min of two sizes are contents too.
template <bool kLargest>
void infer_extremum(InferContext& c) {
  infer(c);
  if (c.input_count() != 2 || !is_integer(c.input(0).dtype)) return;
  auto contents =
      combine_contents(c, 0, 1, [](DimTable& dims, Dim a, Dim b) { return std::optional<Dim>(kLargest ? dims.max(a, b) : dims.min(a, b)); });
  if (contents) c.set(0, broadcast_type(c, c.input(0).dtype), std::move(contents));
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * static_cast<int64_t>(n.inputs.size())}; }

template <BinaryOp kOp, bool kMean>
constexpr OpDef row(std::string_view name, std::span<const OpVersion> versions, void (*infer_fn)(InferContext&)) {
  return {.name = name,
          .inputs = kInputs,
          .outputs = kOutputs,
          .versions = versions,
          .traits = kElementwise | kF16Safe,
          .layout = LayoutRule::kAny,
          .infer = infer_fn,
          .cost = cost,
          .bind = bind<kOp, kMean>};
}

}  // namespace

constinit const OpDef kSum = row<BinaryOp::kAdd, false>("Sum", k13_8_6_1, infer);
constinit const OpDef kMean = row<BinaryOp::kAdd, true>("Mean", k13_8_6_1, infer);
constinit const OpDef kMax = row<BinaryOp::kMax, false>("Max", k13_12_8_6_1, infer_extremum<true>);
constinit const OpDef kMin = row<BinaryOp::kMin, false>("Min", k13_12_8_6_1, infer_extremum<false>);

namespace {

std::vector<ValueId> d_sum(GradContext& c) {
  std::vector<ValueId> grads;
  for (size_t i = 0; i < c.node.inputs.size(); ++i)
    grads.push_back(c.wants(static_cast<int>(i)) ? sum_to(c.graph, c.grad(), c.node.inputs[i]) : kNone);
  return grads;
}

std::vector<ValueId> d_mean(GradContext& c) {
  const ValueId part = c.graph.add1(kDiv, {c.grad(), number(c.graph, c.grad(), static_cast<double>(c.node.inputs.size()))});
  std::vector<ValueId> grads;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) grads.push_back(c.wants(static_cast<int>(i)) ? sum_to(c.graph, part, c.node.inputs[i]) : kNone);
  return grads;
}

// Flows to the first input that is the extremum.
std::vector<ValueId> d_extremum(GradContext& c) {
  std::vector<ValueId> grads;
  const ValueId zero = number(c.graph, c.grad(), 0);
  ValueId rest = c.grad();  // 0 where an earlier input was the one
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    const ValueId is_it = c.graph.add1(kEqual, {c.node.inputs[i], c.output(0)});
    grads.push_back(c.wants(static_cast<int>(i)) ? sum_to(c.graph, c.graph.add1(kWhere, {is_it, rest, zero}), c.node.inputs[i]) : kNone);
    if (i + 1 < c.node.inputs.size()) rest = c.graph.add1(kWhere, {is_it, zero, rest});
  }
  return grads;
}

}  // namespace

extern const GradDef kSumGradient, kMeanGradient, kMaxGradient, kMinGradient;
constinit const GradDef kSumGradient = {.op = &kSum, .rule = d_sum};
constinit const GradDef kMeanGradient = {.op = &kMean, .rule = d_mean};
constinit const GradDef kMaxGradient = {.op = &kMax, .rule = d_extremum};
constinit const GradDef kMinGradient = {.op = &kMin, .rule = d_extremum};

}  // namespace omni::ops
