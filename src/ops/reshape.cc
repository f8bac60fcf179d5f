// Reshape (ai.onnx): the same elements under another shape. A 0 in the shape copies the input's dimension (unless allowzero), -1 is what remains.
#include <algorithm>

#include "graph/grad_def.h"
#include "ops/elementwise.h"
#include "ops/shape_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}, {"shape"}};
constexpr Formal kOutputs[] = {{"reshaped"}};
constexpr AttributeDef kAttributes[] = {{"allowzero", AttributeKind::kInt}};

void upgrade_shape_attribute(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const std::vector<int64_t> shape = draft.attributes.get_ints("shape");
  draft.attributes.erase("shape");
  draft.attributes.erase("consumed_inputs");
  draft.inputs.resize(1);
  draft.inputs.push_back(graph.add_constant(draft.name + ".shape", Tensor::of<int64_t>(Shape{static_cast<int64_t>(shape.size())}, shape)));
}

constexpr OpVersion kVersions[] = {{21}, {19}, {14}, {13}, {5}, {1, upgrade_shape_attribute}};

std::vector<Dim> target(InferContext& c, const Contents& wanted) {
  const Type& x = c.input(0);
  const bool keep_zero = c.attributes.get_int("allowzero", 0) != 0;
  std::vector<Dim> dims;
  int rest = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    Dim d = wanted[i];
    if (d == Dim(-1)) {
      if (rest >= 0) c.fail("the shape has two -1");
      rest = static_cast<int>(i);
    } else if (d == Dim(0) && !keep_zero) {
      if (!x.ranked) return {};
      if (static_cast<int>(i) >= x.rank()) c.fail("the shape copies a dimension that the input does not have");
      d = x.dim(static_cast<int>(i));
    } else if (d.is_constant() && d.value < 0) {
      c.fail("the shape has the negative dimension " + std::to_string(d.value));
    }
    dims.push_back(d);
  }
  if (rest < 0) return dims;
  // What stands on both sides is left out of the division, so that N*C*H*W over N*C is H*W for unknown N too, and 0 over 0 is no question.
  std::vector<Dim> above = x.dims, below;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (static_cast<int>(i) == rest) continue;
    const auto same = std::find(above.begin(), above.end(), dims[i]);
    if (same != above.end())
      above.erase(same);
    else
      below.push_back(dims[i]);
  }
  const Dim divisor = c.dims.product(below);
  if (divisor == Dim(0)) c.fail("-1 beside a dimension of 0 says nothing");
  dims[static_cast<size_t>(rest)] = x.ranked ? c.dims.floor_div(c.dims.product(above), divisor) : c.dims.fresh();
  return dims;
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  std::optional<Contents> contents;
  if (c.contents(0) != nullptr) contents = *c.contents(0);
  const Contents* wanted = c.contents(1);
  if (wanted == nullptr) {
    std::optional<std::vector<Dim>> dims = unknown_dims(c, c.input(1));
    return c.set(0, dims ? Type(x.dtype, std::move(*dims)) : Type::unranked(x.dtype), std::move(contents));
  }
  std::vector<Dim> dims = target(c, *wanted);
  if (dims.size() != wanted->size()) return c.set(0, Type::unranked(x.dtype), std::move(contents));
  Type type(x.dtype, std::move(dims));
  if (x.is_static() && type.is_static() && x.shape()->count() != type.shape()->count()) {
    c.fail("the input has " + std::to_string(x.shape()->count()) + " elements, the shape " + type.shape()->text() + " another number");
  }
  c.set(0, std::move(type), std::move(contents));
}

std::vector<ValueId> gradient(GradContext& c) {
  return {c.graph.add1(kReshape, {c.grad(), c.graph.add1(kShape, {c.input(0)})}, {{"allowzero", int64_t{1}}}), kNone};
}

}  // namespace

constinit const OpDef kReshape = {.name = "Reshape",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAttributes,
                                  .versions = kVersions,
                                  .traits = kView | kQuantTransparent | kF16Safe,
                                  .infer = infer};

extern const GradDef kReshapeGradient;
constinit const GradDef kReshapeGradient = {.op = &kReshape, .rule = gradient};

}  // namespace omni::ops
