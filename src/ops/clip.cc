// Clip (ai.onnx): min(max(x, low), high); the bounds are scalars, either may be absent.
#include <algorithm>
#include <limits>

#include "core/half.h"
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/elementwise/unary.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

using kernels::UnaryKernel;
using kernels::UnaryParams;

constexpr Formal kInputs[] = {{"input"}, {"min", kOptional}, {"max", kOptional}};
constexpr Formal kOutputs[] = {{"output"}};

// Before opset 11 the bounds were attributes.
void upgrade_bounds(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  draft.inputs.resize(1);
  constexpr float kHuge = std::numeric_limits<float>::max();
  for (const char* name : {"min", "max"}) {
    const float bound = draft.attributes.get_float(name, name[1] == 'i' ? -kHuge : kHuge);
    draft.inputs.push_back(bound == -kHuge || bound == kHuge ? kNone : number(graph, draft.inputs[0], static_cast<double>(bound)));
    draft.attributes.erase(name);
  }
  draft.attributes.erase("consumed_inputs");
}

constexpr OpVersion kVersions[] = {{13}, {12}, {11}, {6, upgrade_bounds}, {1, upgrade_bounds}};

void infer(InferContext& c) {
  require_same_dtype(c, 0, c.input_count());
  c.set(0, c.input(0));
}

struct Params {
  UnaryKernel kernel;
};

void read_bound(const ConstTensorView& bound, double& number_out, int64_t& integer_out) {
  // One element: the conversions of core allocate, so by hand.
  switch (bound.dtype) {
    case DType::kF32: number_out = static_cast<double>(*bound.as<float>()); return;
    case DType::kF64: number_out = *bound.as<double>(); return;
    case DType::kF16: number_out = static_cast<double>(f16_to_f32(*bound.as<uint16_t>())); return;
    case DType::kBF16: number_out = static_cast<double>(bf16_to_f32(*bound.as<uint16_t>())); return;
    case DType::kI8: integer_out = *bound.as<int8_t>(); return;
    case DType::kU8: integer_out = *bound.as<uint8_t>(); return;
    case DType::kI16: integer_out = *bound.as<int16_t>(); return;
    case DType::kU16: integer_out = *bound.as<uint16_t>(); return;
    case DType::kI32: integer_out = *bound.as<int32_t>(); return;
    case DType::kU32: integer_out = *bound.as<uint32_t>(); return;
    case DType::kI64: integer_out = *bound.as<int64_t>(); return;
    case DType::kU64: integer_out = static_cast<int64_t>(std::min<uint64_t>(*bound.as<uint64_t>(), INT64_MAX)); return;
    default: return;
  }
}

UnaryParams bounds_of(std::span<const ConstTensorView> inputs) {
  UnaryParams values{-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  if (inputs.size() > 1 && inputs[1].data != nullptr) read_bound(inputs[1], values.a, values.low_int);
  if (inputs.size() > 2 && inputs[2].data != nullptr) read_bound(inputs[2], values.b, values.high_int);
  return values;
}

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_unary(p.kernel, args.inputs[0].data, args.outputs[0].data, args.outputs[0].count(), bounds_of(args.inputs), *args.pool);
}

Binding bind(const PlannedNode& n) {
  const UnaryKernel kernel = kernels::select_unary(kernels::UnaryOp::kClip, n.input(0).dtype, n.isa);
  if (!kernel) n.unsupported("no kernel for this element type");
  for (int i = 1; i < 3; ++i) {
    if (n.has_input(i) && n.input(i).shape.count() != 1) n.unsupported("a bound is not a scalar");
  }
  return {run, std::make_shared<Params>(Params{kernel}), 0};
}

std::vector<ValueId> gradient(GradContext& c) {
  ValueId g = c.grad();
  const ValueId zero = number(c.graph, g, 0);
  if (c.input(1) != kNone) g = c.graph.add1(kWhere, {c.graph.add1(kGreaterOrEqual, {c.input(0), c.input(1)}), g, zero});
  if (c.input(2) != kNone) g = c.graph.add1(kWhere, {c.graph.add1(kLessOrEqual, {c.input(0), c.input(2)}), g, zero});
  return {g, kNone, kNone};
}

}  // namespace

constinit const OpDef kClip = {.name = "Clip",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .versions = kVersions,
                               .traits = kElementwise | kInPlace | kF16Safe,
                               .layout = LayoutRule::kAny,
                               .infer = infer,
                               .bind = bind};

extern const GradDef kClipGradient;
constinit const GradDef kClipGradient = {.op = &kClip, .rule = gradient};

}  // namespace omni::ops
