// ArgMax and ArgMin (ai.onnx): where the extremum stands along an axis, as i64.
#include "core/kernel_args.h"
#include "kernels/reduce/reduce.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}};
constexpr Formal kOutputs[] = {{"reduced"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"keepdims", AttributeKind::kInt}, {"select_last_index", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{13}, {12}, {11}, {1}};

void infer(InferContext& c) {
  Type type = c.input(0);
  type.dtype = DType::kI64;
  if (type.ranked) {
    const int axis = c.axis(c.attributes.get_int("axis", 0), type.rank());
    if (type.dim(axis) == Dim(0)) c.fail("the axis is empty");
    if (c.attributes.get_int("keepdims", 1) != 0)
      type.dims[static_cast<size_t>(axis)] = 1;
    else
      type.dims.erase(type.dims.begin() + axis);
  }
  c.set(0, std::move(type));
}

void run(const KernelArgs& args) noexcept {
  kernels::run_arg_reduce(*static_cast<const kernels::ArgReduceArgs*>(args.params), args.inputs[0].data, args.outputs[0].as<int64_t>(), *args.pool);
}

template <bool kSmallest>
Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  if (!kernels::arg_reduce_supports(x.dtype)) n.unsupported("no kernel for this element type");
  const int64_t stated = n.attributes.get_int("axis", 0);
  const int axis = static_cast<int>(stated < 0 ? stated + x.shape.rank() : stated);
  return {run,
          std::make_shared<kernels::ArgReduceArgs>(kernels::ArgReduceArgs{x.shape.count(0, axis), x.shape[axis], x.shape.count(axis + 1), kSmallest,
                                                                          n.attributes.get_int("select_last_index", 0) != 0, x.dtype}),
          0};
}

Cost cost(const PlannedNode& n) { return {n.input(0).shape.count()}; }

template <bool kSmallest>
constexpr OpDef row(std::string_view name) {
  return {.name = name,
          .inputs = kInputs,
          .outputs = kOutputs,
          .attributes = kAttributes,
          .versions = kVersions,
          .traits = kReduction,
          .infer = infer,
          .cost = cost,
          .bind = bind<kSmallest>};
}

}  // namespace

constinit const OpDef kArgMax = row<false>("ArgMax");
constinit const OpDef kArgMin = row<true>("ArgMin");

}  // namespace omni::ops
