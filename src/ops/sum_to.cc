// ai.omni.SumTo(x, like): x summed to the shape of `like`, whose NumPy broadcast x's shape is: the gradient of every broadcast.
// ai.omni.BroadcastLike(x, like): x repeated to the shape of `like`. Only the shape of `like` is read, at run time where it is unknown before.
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"
#include "ops/reduce_binding.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"like"}};
constexpr Formal kOutputs[] = {{"y"}};

void infer(InferContext& c) {
  Type type = c.input(1);
  type.dtype = c.input(0).dtype;
  c.set(0, std::move(type));
}

Binding bind_sum(const PlannedNode& n) {
  const Shape &x = n.input(0).shape, &like = n.input(1).shape;
  const int missing = x.rank() - like.rank();
  std::vector<int> out_dims;
  for (int d = 0; d < x.rank() && missing >= 0; ++d) {
    const int64_t wanted = d < missing ? 1 : like[d - missing];
    if (wanted != x[d] && wanted != 1) n.unsupported("the shape does not come of broadcasting");
    out_dims.push_back(d < missing || wanted != x[d] ? -1 : d - missing);
  }
  if (missing < 0) n.unsupported("the shape does not come of broadcasting");
  return bind_reduction(n, kernels::ReduceOp::kSum, out_dims);
}

Cost sum_cost(const PlannedNode& n) { return {n.input(0).shape.count(), static_cast<int64_t>(n.input(0).bytes() + n.output(0).bytes())}; }

struct CopyParams {
  kernels::CopyPlan plan;
};

void run_broadcast(const KernelArgs& args) noexcept {
  kernels::run_copy(static_cast<const CopyParams*>(args.params)->plan, args.inputs[0].data, args.outputs[0].data, *args.pool);
}

Binding bind_broadcast(const PlannedNode& n) {
  if (broadcast(n.input(0).shape, n.output(0).shape) != n.output(0).shape) n.unsupported("the shapes do not broadcast");
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  return {run_broadcast,
          std::make_shared<CopyParams>(CopyParams{
              kernels::plan_expand(physical_operand(n.input(0), n.output(0)), n.output(0).physical(), dtype_size(n.input(0).dtype), n.isa)}),
          0};
}

Cost copy_cost(const PlannedNode& n) { return {0, static_cast<int64_t>(n.input(0).bytes() + n.output(0).bytes())}; }

}  // namespace

constinit const OpDef kSumTo = {.name = "SumTo",
                                .domain = "ai.omni",
                                .inputs = kInputs,
                                .outputs = kOutputs,
                                .traits = kReduction,
                                .layout = LayoutRule::kAny,
                                .infer = infer,
                                .cost = sum_cost,
                                .bind = bind_sum};

constinit const OpDef kBroadcastLike = {.name = "BroadcastLike",
                                        .domain = "ai.omni",
                                        .inputs = kInputs,
                                        .outputs = kOutputs,
                                        .traits = kF16Safe,
                                        .layout = LayoutRule::kAny,
                                        .infer = infer,
                                        .cost = copy_cost,
                                        .bind = bind_broadcast};

namespace {

std::vector<ValueId> d_sum_to(GradContext& c) { return {c.graph.add1(kBroadcastLike, {c.grad(), c.input(0)}), kNone}; }
std::vector<ValueId> d_broadcast_like(GradContext& c) { return {sum_to(c.graph, c.grad(), c.input(0)), kNone}; }

}  // namespace

extern const GradDef kSumToGradient, kBroadcastLikeGradient;
constinit const GradDef kSumToGradient = {.op = &kSumTo, .rule = d_sum_to};
constinit const GradDef kBroadcastLikeGradient = {.op = &kBroadcastLike, .rule = d_broadcast_like};

}  // namespace omni::ops
