// Split (ai.onnx): an axis cut into parts of the sizes in input 1, or into num_outputs equal parts (the last one smaller).
#include <algorithm>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"split", kOptional}};
constexpr Formal kOutputs[] = {{"outputs", kVariadic}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"num_outputs", AttributeKind::kInt}};

void upgrade_count(Graph&, NodeDraft& draft) {
  if (draft.inputs.size() < 2 || draft.inputs[1] == kNone) draft.attributes.set("num_outputs", static_cast<int64_t>(draft.output_count));
}

void lower_count(const Graph& graph, NodeDraft& draft) {
  draft.attributes.erase("num_outputs");
  if (draft.inputs.size() > 1 && draft.inputs[1] != kNone) return;
  const Type& x = graph.type(draft.inputs[0]);
  const int64_t axis = draft.attributes.get_int("axis", 0);
  const Dim d = x.ranked ? x.dim(static_cast<int>(axis)) : Dim(0);
  if (!d.is_constant() || d.value % draft.output_count != 0) {
    throw Error(ErrorCode::kUnsupported, "unequal parts without sizes do not exist in this opset", draft.name);
  }
}

void upgrade_sizes(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const std::vector<int64_t> sizes = draft.attributes.get_ints("split");
  draft.inputs.resize(1);
  if (!sizes.empty())
    draft.inputs.push_back(graph.add_constant(draft.name + ".split", Tensor::of<int64_t>(Shape{static_cast<int64_t>(sizes.size())}, sizes)));
  draft.attributes.erase("split");
}

constexpr OpVersion kVersions[] = {{18}, {13, upgrade_count, lower_count}, {11, upgrade_sizes}, {2, upgrade_sizes}, {1, upgrade_sizes}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const int parts = c.output_count();
  if (!x.ranked) {
    for (int i = 0; i < parts; ++i) c.set(i, Type::unranked(x.dtype));
    return;
  }
  const int axis = c.axis(c.attributes.get_int("axis", 0), x.rank());
  const Contents* sizes = c.contents(1);
  if (sizes != nullptr && static_cast<int>(sizes->size()) != parts)
    c.fail("split lists " + std::to_string(sizes->size()) + " sizes for " + std::to_string(parts) + " outputs");
  const Dim whole = x.dim(axis), part = c.dims.ceil_div(whole, parts);
  Dim at = 0;
  for (int i = 0; i < parts; ++i) {
    Type type = x;
    Dim size = sizes != nullptr ? (*sizes)[static_cast<size_t>(i)] : c.has_input(1) ? c.dims.fresh() : part;
    if (!c.has_input(1) && i + 1 == parts) size = c.dims.sub(whole, c.dims.mul(part, parts - 1));
    // More parts than pieces of that size: the last ones are empty.
    if (!c.has_input(1) && whole.is_constant()) size = std::clamp<int64_t>(whole.value - part.value * i, 0, part.value);
    if (size.is_constant() && size.value < 0) c.fail("there are more outputs than elements on the axis");
    type.dims[static_cast<size_t>(axis)] = size;
    std::optional<Contents> contents;
    if (const Contents* known = c.contents(0);
        known != nullptr && x.rank() == 1 && at.is_constant() && size.is_constant() && at.value <= static_cast<int64_t>(known->size()) && size.value <= static_cast<int64_t>(known->size()) - at.value) {
      contents = Contents(known->begin() + at.value, known->begin() + at.value + size.value);
    }
    at = c.dims.add(at, size);
    c.set(i, std::move(type), std::move(contents));
  }
  if (sizes != nullptr && at.is_constant() && whole.is_constant() && at != whole) {
    c.fail("the sizes add up to " + std::to_string(at.value) + ", the axis has " + std::to_string(whole.value));
  }
}

void run(const KernelArgs& args) noexcept {
  const auto& plans = *static_cast<const std::vector<kernels::CopyPlan>*>(args.params);
  for (size_t i = 0; i < plans.size(); ++i) {
    if (args.outputs[i].data != nullptr) kernels::run_copy(plans[i], args.inputs[0].data, args.outputs[i].data, *args.pool);
  }
}

// The parts' sizes: those of the outputs that exist; an unwanted output's from the sizes, or equal.
Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  if (dtype_bits(x.dtype) < 8) n.unsupported("no kernel for this element type");
  const int rank = x.shape.rank();
  const int64_t stated = n.attributes.get_int("axis", 0);
  const int axis = static_cast<int>(stated < 0 ? stated + rank : stated);
  const int64_t parts = static_cast<int64_t>(n.outputs.size()), equal = (x.shape[axis] + parts - 1) / parts;
  std::optional<std::vector<int64_t>> sizes;
  if (n.has_input(1) && n.input(1).constant != nullptr) sizes = to_int64(*n.input(1).constant);
  const std::vector<int64_t> steps(static_cast<size_t>(rank), 1);
  std::vector<int64_t> starts(static_cast<size_t>(rank), 0);
  auto plans = std::make_shared<std::vector<kernels::CopyPlan>>();
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    Shape part = x.shape;
    if (n.outputs[i].present)
      part = n.outputs[i].shape;
    else if (!n.has_input(1))
      part.set(axis, std::clamp<int64_t>(x.shape[axis] - equal * static_cast<int64_t>(i), 0, equal));
    else if (sizes)
      part.set(axis, (*sizes)[i]);
    else
      n.unsupported("the sizes are not known when the graph is planned");
    const Shape to = physical_shape(part, x.layout);
    plans->push_back(kernels::plan_slice(x.physical(), to, starts, steps, dtype_size(x.dtype), n.isa));
    starts[static_cast<size_t>(physical_axis(axis, rank, x.layout))] += part[axis];
  }
  return {run, plans, 0};
}

Cost cost(const PlannedNode&) { return {0}; }

std::vector<ValueId> gradient(GradContext& c) {
  std::vector<ValueId> parts;
  for (size_t i = 0; i < c.node.outputs.size(); ++i) {
    ValueId g = c.grad(static_cast<int>(i));
    if (g == kNone && c.node.outputs[i] == kNone) return {kNone, kNone};
    if (g == kNone) g = c.graph.add1(kBroadcastLike, {number(c.graph, c.node.outputs[i], 0), c.node.outputs[i]});
    parts.push_back(g);
  }
  return {c.graph.add1(kConcat, parts, {{"axis", c.node.attributes.get_int("axis", 0)}}), kNone};
}

}  // namespace

constinit const OpDef kSplit = {.name = "Split",
                                .inputs = kInputs,
                                .outputs = kOutputs,
                                .attributes = kAttributes,
                                .versions = kVersions,
                                .traits = kQuantTransparent | kF16Safe | kMovesData,
                                .layout = LayoutRule::kAny,
                                .infer = infer,
                                .cost = cost,
                                .bind = bind};

extern const GradDef kSplitGradient;
constinit const GradDef kSplitGradient = {.op = &kSplit, .rule = gradient};

}  // namespace omni::ops
