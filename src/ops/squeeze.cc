// Squeeze and Unsqueeze (ai.onnx): dimensions of size 1 taken out or put in. Since opset 13 the axes are an input.
#include <algorithm>

#include "graph/grad_def.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kSqueezeInputs[] = {{"data"}, {"axes", kOptional}};
constexpr Formal kUnsqueezeInputs[] = {{"data"}, {"axes"}};
constexpr Formal kSqueezed[] = {{"squeezed"}};
constexpr Formal kExpanded[] = {{"expanded"}};

void upgrade_axes(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  draft.inputs.resize(1);
  if (!draft.attributes.has("axes")) return;
  const std::vector<int64_t> axes = draft.attributes.get_ints("axes");
  draft.inputs.push_back(graph.add_constant(draft.name + ".axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes)));
  draft.attributes.erase("axes");
}

constexpr OpVersion kVersions[] = {{21}, {13}, {11, upgrade_axes}, {1}};

// Axes that are known, in [0, rank), sorted, each once.
std::vector<int> known_axes(const InferContext& c, const Contents& contents, int rank) {
  std::vector<int> axes;
  for (const Dim d : contents) {
    if (!d.is_constant()) c.fail("an axis is not a number");
    axes.push_back(c.axis(d.value, rank));
  }
  std::sort(axes.begin(), axes.end());
  if (std::adjacent_find(axes.begin(), axes.end()) != axes.end()) c.fail("an axis is listed twice");
  return axes;
}

std::optional<Contents> same_contents(const InferContext& c) {
  return c.contents(0) != nullptr ? std::optional<Contents>(*c.contents(0)) : std::nullopt;
}

void infer_squeeze(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked || (c.has_input(1) && c.contents(1) == nullptr)) return c.set(0, Type::unranked(x.dtype), same_contents(c));
  std::vector<int> axes;
  if (c.has_input(1)) {
    axes = known_axes(c, *c.contents(1), x.rank());
    for (const int a : axes) {
      if (x.dim(a).is_constant() && x.dim(a).value != 1)
        c.fail("dimension " + std::to_string(a) + " is " + std::to_string(x.dim(a).value) + ", not 1");
    }
  } else {
    if (!x.is_static()) return c.set(0, Type::unranked(x.dtype), same_contents(c));  // an unknown size may be 1
    for (int d = 0; d < x.rank(); ++d) {
      if (x.dim(d) == Dim(1)) axes.push_back(d);
    }
  }
  std::vector<Dim> dims;
  for (int d = 0; d < x.rank(); ++d) {
    if (!std::binary_search(axes.begin(), axes.end(), d)) dims.push_back(x.dim(d));
  }
  c.set(0, Type(x.dtype, std::move(dims)), same_contents(c));
}

void infer_unsqueeze(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked || c.contents(1) == nullptr) return c.set(0, Type::unranked(x.dtype), same_contents(c));
  const int rank = x.rank() + static_cast<int>(c.contents(1)->size());
  const std::vector<int> axes = known_axes(c, *c.contents(1), rank);
  std::vector<Dim> dims;
  for (int d = 0, from = 0; d < rank; ++d) dims.push_back(std::binary_search(axes.begin(), axes.end(), d) ? Dim(1) : x.dim(from++));
  c.set(0, Type(x.dtype, std::move(dims)), same_contents(c));
}

std::vector<ValueId> gradient(GradContext& c) {
  return {c.graph.add1(kReshape, {c.grad(), c.graph.add1(kShape, {c.input(0)})}, {{"allowzero", int64_t{1}}}), kNone};
}

}  // namespace

constinit const OpDef kSqueeze = {.name = "Squeeze",
                                  .inputs = kSqueezeInputs,
                                  .outputs = kSqueezed,
                                  .versions = kVersions,
                                  .traits = kView | kQuantTransparent | kF16Safe,
                                  .infer = infer_squeeze};
constinit const OpDef kUnsqueeze = {.name = "Unsqueeze",
                                    .inputs = kUnsqueezeInputs,
                                    .outputs = kExpanded,
                                    .versions = kVersions,
                                    .traits = kView | kQuantTransparent | kF16Safe,
                                    .infer = infer_unsqueeze};

extern const GradDef kSqueezeGradient, kUnsqueezeGradient;
constinit const GradDef kSqueezeGradient = {.op = &kSqueeze, .rule = gradient};
constinit const GradDef kUnsqueezeGradient = {.op = &kUnsqueeze, .rule = gradient};

}  // namespace omni::ops
