// Expand (ai.onnx): the broadcast of a tensor against a shape (either may be the larger in any dimension).
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"
#include "ops/shape_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"shape"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr OpVersion kVersions[] = {{13}, {8}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const Contents* shape = c.contents(1);
  if (shape == nullptr || !x.ranked) {
    std::optional<std::vector<Dim>> dims = x.ranked ? unknown_dims(c, c.input(1), x.rank()) : std::nullopt;
    return c.set(0, dims ? Type(x.dtype, std::move(*dims)) : Type::unranked(x.dtype));
  }
  Type type(x.dtype, c.broadcast(x.dims, *shape));
  std::optional<Contents> contents;
  if (const Contents* known = c.contents(0); known != nullptr && known->size() == 1 && type.is_static()) {
    const int64_t n = type.shape()->count();
    if (n <= static_cast<int64_t>(kMaxContents)) contents = Contents(static_cast<size_t>(n), known->front());
  }
  c.set(0, std::move(type), std::move(contents));
}

void run(const KernelArgs& args) noexcept {
  kernels::run_copy(*static_cast<const kernels::CopyPlan*>(args.params), args.inputs[0].data, args.outputs[0].data, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  if (dtype_bits(x.dtype) < 8) n.unsupported("no kernel for this element type");
  return {run, std::make_shared<kernels::CopyPlan>(kernels::plan_expand(x.shape, n.output(0).shape, dtype_size(x.dtype), n.isa)), 0};
}

Cost cost(const PlannedNode&) { return {0}; }

std::vector<ValueId> gradient(GradContext& c) { return {sum_to(c.graph, c.grad(), c.input(0)), kNone}; }

}  // namespace

constinit const OpDef kExpand = {.name = "Expand",
                                 .inputs = kInputs,
                                 .outputs = kOutputs,
                                 .versions = kVersions,
                                 .traits = kQuantTransparent | kF16Safe | kMovesData,
                                 .infer = infer,
                                 .cost = cost,
                                 .bind = bind};

extern const GradDef kExpandGradient;
constinit const GradDef kExpandGradient = {.op = &kExpand, .rule = gradient};

}  // namespace omni::ops
