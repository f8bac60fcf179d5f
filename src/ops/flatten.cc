// Flatten (ai.onnx): a matrix of the dimensions before `axis` by those from it on.
#include "graph/grad_def.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{21}, {13}, {11}, {9}, {1}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const int64_t axis = c.attributes.get_int("axis", 1);
  if (!x.ranked) return c.set(0, Type(x.dtype, std::vector<Dim>{c.dims.fresh(), c.dims.fresh()}));
  const int64_t at = axis < 0 ? axis + x.rank() : axis;
  if (at < 0 || at > x.rank()) c.fail("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(x.rank()));
  const std::span<const Dim> dims(x.dims);
  c.set(0,
        Type(x.dtype, std::vector<Dim>{c.dims.product(dims.first(static_cast<size_t>(at))), c.dims.product(dims.subspan(static_cast<size_t>(at)))}));
}

std::vector<ValueId> gradient(GradContext& c) {
  return {c.graph.add1(kReshape, {c.grad(), c.graph.add1(kShape, {c.input(0)})}, {{"allowzero", int64_t{1}}})};
}

}  // namespace

constinit const OpDef kFlatten = {.name = "Flatten",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAttributes,
                                  .versions = kVersions,
                                  .traits = kView | kQuantTransparent | kF16Safe,
                                  .infer = infer};

extern const GradDef kFlattenGradient;
constinit const GradDef kFlattenGradient = {.op = &kFlatten, .rule = gradient};

}  // namespace omni::ops
