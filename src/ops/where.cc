// Where (ai.onnx): condition ? X : Y, element by element with broadcasting of all three.
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/elementwise/binary.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"condition"}, {"X"}, {"Y"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr OpVersion kVersions[] = {{16}, {9}};

void infer(InferContext& c) {
  if (c.input(0).dtype != DType::kBool) c.fail("the condition is not bool");
  require_same_dtype(c, 1, 3);
  std::optional<Contents> contents;
  const Contents *condition = c.contents(0), *x = c.contents(1), *y = c.contents(2);
  if (condition != nullptr && x != nullptr && y != nullptr && c.input(0).rank() <= 1 && c.input(1).rank() <= 1 && c.input(2).rank() <= 1) {
    const size_t n = std::max({condition->size(), x->size(), y->size()});
    const auto fits = [&](const Contents* list) { return list->size() == n || list->size() == 1; };
    if (fits(condition) && fits(x) && fits(y)) contents.emplace();
    for (size_t i = 0; i < n && contents; ++i) {
      const Dim which = (*condition)[condition->size() == 1 ? 0 : i];
      const Contents& from = which == Dim(0) ? *y : *x;
      if (which.is_constant() && !from.empty())
        contents->push_back(from[from.size() == 1 ? 0 : i]);
      else
        contents.reset();
    }
  }
  c.set(0, broadcast_type(c, c.input(1).dtype), std::move(contents));
}

struct Params {
  kernels::BroadcastPlan plan;
  size_t size;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_where(p.plan, p.size, args.inputs[0].data, args.inputs[1].data, args.inputs[2].data, args.outputs[0].data, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const DType dtype = n.input(1).dtype;
  if (dtype_bits(dtype) < 8) n.unsupported("no kernel for this element type");
  return {run, std::make_shared<Params>(Params{plan_operands(n, 3), dtype_size(dtype)}), 0};
}

std::vector<ValueId> gradient(GradContext& c) {
  const ValueId zero = number(c.graph, c.grad(), 0);
  return {kNone, c.wants(1) ? sum_to(c.graph, c.graph.add1(kWhere, {c.input(0), c.grad(), zero}), c.input(1)) : kNone,
          c.wants(2) ? sum_to(c.graph, c.graph.add1(kWhere, {c.input(0), zero, c.grad()}), c.input(2)) : kNone};
}

}  // namespace

constinit const OpDef kWhere = {.name = "Where",
                                .inputs = kInputs,
                                .outputs = kOutputs,
                                .versions = kVersions,
                                .traits = kElementwise | kF16Safe | kMovesData,
                                .layout = LayoutRule::kAny,
                                .infer = infer,
                                .bind = bind};

extern const GradDef kWhereGradient;
constinit const GradDef kWhereGradient = {.op = &kWhere, .rule = gradient};

}  // namespace omni::ops
