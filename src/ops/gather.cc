// Gather (ai.onnx) along an axis, and ai.omni.GatherGradient: the gradients added up where they were gathered from.
#include "kernels/move/gather.h"

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data", 0, ParamKind::kTable}, {"indices"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr Formal kGradientInputs[] = {{"gradient"}, {"indices"}, {"data"}};
constexpr Formal kGradientOutputs[] = {{"data_gradient"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{13}, {11}, {1}};

void infer(InferContext& c) {
  const Type &x = c.input(0), &indices = c.input(1);
  if (indices.dtype != DType::kI64 && indices.dtype != DType::kI32) c.fail("the indices are not i32 or i64");
  if (!x.ranked || !indices.ranked) return c.set(0, Type::unranked(x.dtype));
  const int axis = c.axis(c.attributes.get_int("axis", 0), x.rank());
  std::vector<Dim> dims(x.dims.begin(), x.dims.begin() + axis);
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), x.dims.begin() + axis + 1, x.dims.end());
  std::optional<Contents> contents;
  if (const Contents* known = c.contents(0), *wanted = c.contents(1); known != nullptr && wanted != nullptr && x.rank() == 1) {
    contents.emplace();
    for (const Dim i : *wanted) {
      const int64_t at = i.value < 0 ? i.value + static_cast<int64_t>(known->size()) : i.value;
      if (!i.is_constant()) {
        contents.reset();
        break;
      }
      if (at < 0 || at >= static_cast<int64_t>(known->size()))
        c.fail("index " + std::to_string(i.value) + " is outside the " + std::to_string(known->size()) + " elements");
      contents->push_back((*known)[static_cast<size_t>(at)]);
    }
  }
  c.set(0, Type(x.dtype, std::move(dims)), std::move(contents));
}

void run(const KernelArgs& args) noexcept {
  kernels::run_gather(*static_cast<const kernels::GatherArgs*>(args.params), args.inputs[0].data, args.inputs[1].data, args.outputs[0].data,
                      *args.pool, *args.status);
}

kernels::GatherArgs args_of(const PlannedNode& n, const Shape& data, const PlannedValue& indices) {
  const int64_t stated = n.attributes.get_int("axis", 0);
  const int axis = static_cast<int>(stated < 0 ? stated + data.rank() : stated);
  return {data.count(0, axis), data[axis], data.count(axis + 1), indices.shape.count(), dtype_size(n.output(0).dtype), indices.dtype};
}

Binding bind(const PlannedNode& n) {
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  return {run, std::make_shared<kernels::GatherArgs>(args_of(n, n.input(0).shape, n.input(1))), 0};
}

Cost cost(const PlannedNode& n) { return {0, static_cast<int64_t>(2 * n.output(0).bytes() + n.input(1).bytes())}; }

void run_gradient(const KernelArgs& args) noexcept {
  kernels::run_scatter_add(*static_cast<const kernels::GatherArgs*>(args.params), args.inputs[0].data, args.inputs[1].data,
                           args.outputs[0].data, *args.pool, *args.status);
}

Binding bind_gradient(const PlannedNode& n) {
  if (n.output(0).dtype != n.input(0).dtype || (n.output(0).dtype != DType::kF32 && n.output(0).dtype != DType::kF64)) n.unsupported("no kernel for this element type");
  const kernels::GatherArgs args = args_of(n, n.output(0).shape, n.input(1));
  if (n.input(0).shape.count() != args.outer * args.count * args.inner) n.unsupported("the gradient has not the shape of what was gathered");
  return {run_gradient, std::make_shared<kernels::GatherArgs>(args), 0};
}

void infer_gradient(InferContext& c) {
  if (c.input(1).dtype != DType::kI64 && c.input(1).dtype != DType::kI32) c.fail("the indices are not i32 or i64");
  if (c.input(2).ranked) c.axis(c.attributes.get_int("axis", 0), c.input(2).rank());
  c.set(0, c.input(2));
}

}  // namespace

constinit const OpDef kGather = {.name = "Gather",
                                 .inputs = kInputs,
                                 .outputs = kOutputs,
                                 .attributes = kAttributes,
                                 .versions = kVersions,
                                 .traits = kQuantTransparent | kF16Safe | kMovesData,
                                 .infer = infer,
                                 .cost = cost,
                                 .bind = bind};

constinit const OpDef kGatherGradientOp = {.name = "GatherGradient",
                                           .domain = "ai.omni",
                                           .inputs = kGradientInputs,
                                           .outputs = kGradientOutputs,
                                           .attributes = kAttributes,
                                           .infer = infer_gradient,
                                           .bind = bind_gradient};

namespace {
std::vector<ValueId> gradient(GradContext& c) {
  return {c.graph.add1(kGatherGradientOp, {c.grad(), c.input(1), c.input(0)}, {{"axis", c.node.attributes.get_int("axis", 0)}}), kNone};
}
}  // namespace

extern const GradDef kGatherGradient;
constinit const GradDef kGatherGradient = {.op = &kGather, .rule = gradient};

}  // namespace omni::ops
