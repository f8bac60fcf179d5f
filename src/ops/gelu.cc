// Gelu (ai.onnx 20): x Φ(x), or its tanh approximation.
#include <numbers>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/elementwise/unary.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"approximate", AttributeKind::kString}};

constexpr OpVersion kVersions[] = {{20}};

bool is_tanh(const Attributes& a) { return a.get_string("approximate", "none") == "tanh"; }

void infer(InferContext& c) { c.set(0, c.input(0)); }

void run(const KernelArgs& args) noexcept {
  const auto& kernel = *static_cast<const kernels::UnaryKernel*>(args.params);
  kernels::run_unary(kernel, args.inputs[0].data, args.outputs[0].data, args.outputs[0].count(), {}, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const auto op = is_tanh(n.attributes) ? kernels::UnaryOp::kGeluTanh : kernels::UnaryOp::kGelu;
  const kernels::UnaryKernel kernel = kernels::select_unary(op, n.input(0).dtype, n.isa);
  if (!kernel) n.unsupported("no kernel for this element type");
  return {run, std::make_shared<kernels::UnaryKernel>(kernel), 0};
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * 20}; }

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0];
  const auto num = [&](double v) { return number(g, x, v); };
  ValueId inner;
  if (is_tanh(n.attributes)) {  // tanh(sqrt(2/π) (x + 0.044715 x³))
    const ValueId cube = g.add1(kMul, {g.add1(kMul, {x, x}), x});
    const ValueId sum = g.add1(kAdd, {x, g.add1(kMul, {cube, num(0.044715)})});
    inner = g.add1(kTanh, {g.add1(kMul, {sum, num(std::numbers::sqrt2 * std::numbers::inv_sqrtpi)})});
  } else {
    inner = g.add1(kErf, {g.add1(kMul, {x, num(std::numbers::sqrt2 / 2)})});
  }
  return {g.add1(kMul, {g.add1(kMul, {x, num(0.5)}), g.add1(kAdd, {inner, num(1)})})};
}

}  // namespace

constinit const OpDef kGelu = {.name = "Gelu",
                               .inputs = kX,
                               .outputs = kY,
                               .attributes = kAttributes,
                               .versions = kVersions,
                               .traits = kElementwise | kInPlace,
                               .layout = LayoutRule::kAny,
                               .infer = infer,
                               .cost = cost,
                               .bind = bind,
                               .expand = expand};

}  // namespace omni::ops
