// Concat (ai.onnx): the inputs one after the other along an axis.
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"inputs", kVariadic}};
constexpr Formal kOutputs[] = {{"concat_result"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt, true}};

// Before opset 4 the axis was 1 unless stated.
void upgrade_axis(Graph&, NodeDraft& draft) {
  if (!draft.attributes.has("axis")) draft.attributes.set("axis", int64_t{1});
}
constexpr OpVersion kVersions[] = {{13}, {11}, {4}, {1, upgrade_axis}};

void infer(InferContext& c) {
  require_same_dtype(c, 0, c.input_count());
  const Type* ranked = nullptr;
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.input(i).ranked && ranked == nullptr) ranked = &c.input(i);
  }
  if (ranked == nullptr) return c.set(0, Type::unranked(c.input(0).dtype));
  const int rank = ranked->rank(), axis = c.axis(c.attributes.get_int("axis", 0), rank);
  std::vector<Dim> dims = ranked->dims;
  Dim total = 0;
  for (int i = 0; i < c.input_count(); ++i) {
    const Type& x = c.input(i);
    if (!x.ranked) {
      total = c.dims.add(total, c.dims.fresh());
      continue;
    }
    if (x.rank() != rank) c.fail("the inputs have different ranks");
    total = c.dims.add(total, x.dim(axis));
    for (int d = 0; d < rank; ++d) {
      Dim& known = dims[static_cast<size_t>(d)];
      if (d == axis || x.dim(d) == known) continue;
      if (x.dim(d).is_constant() && known.is_constant()) c.fail("the inputs differ in dimension " + std::to_string(d) + ", which is not the axis");
      if (x.dim(d).is_constant()) known = x.dim(d);
    }
  }
  dims[static_cast<size_t>(axis)] = total;
  std::optional<Contents> contents(std::in_place);
  for (int i = 0; i < c.input_count() && contents; ++i) {
    if (rank == 1 && c.contents(i) != nullptr)
      contents->insert(contents->end(), c.contents(i)->begin(), c.contents(i)->end());
    else
      contents.reset();
  }
  c.set(0, Type(c.input(0).dtype, std::move(dims)), std::move(contents));
}

void run(const KernelArgs& args) noexcept {
  const auto& plans = *static_cast<const std::vector<kernels::CopyPlan>*>(args.params);
  for (size_t i = 0; i < plans.size(); ++i) kernels::run_copy(plans[i], args.inputs[i].data, args.outputs[0].data, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& y = n.output(0);
  if (dtype_bits(y.dtype) < 8) n.unsupported("no kernel for this element type");
  const int rank = y.shape.rank();
  const int64_t stated = n.attributes.get_int("axis", 0);
  const int axis = physical_axis(static_cast<int>(stated < 0 ? stated + rank : stated), rank, y.layout);
  auto plans = std::make_shared<std::vector<kernels::CopyPlan>>();
  std::vector<int64_t> starts(static_cast<size_t>(rank), 0);
  for (const PlannedValue& x : n.inputs) {
    const Shape from = physical_operand(x, y);
    plans->push_back(kernels::plan_insert(from, y.physical(), starts, dtype_size(y.dtype), n.isa));
    starts[static_cast<size_t>(axis)] += from[axis];
  }
  return {run, plans, 0};
}

Cost cost(const PlannedNode&) { return {0}; }

std::vector<ValueId> gradient(GradContext& c) {
  const std::vector<ValueId>& inputs = c.node.inputs;
  const int rank = c.graph.type(c.output(0)).rank();
  const int64_t stated = c.node.attributes.get_int("axis", 0), axis = stated < 0 ? stated + rank : stated;
  std::vector<ValueId> sizes;
  std::vector<int64_t> known;
  for (const ValueId x : inputs) {
    const Dim d = c.graph.type(x).dim(static_cast<int>(axis));
    if (d.is_constant()) known.push_back(d.value);
    sizes.push_back(x);
  }
  ValueId split;
  if (known.size() == inputs.size()) {
    split = c.graph.add_constant("sizes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(known.size())}, known));
  } else {
    for (ValueId& x : sizes) x = c.graph.add1(kShape, {x}, {{"start", axis}, {"end", axis + 1}});
    split = c.graph.add1(kConcat, sizes, {{"axis", int64_t{0}}});
  }
  return c.graph.add(kSplit, {c.grad(), split}, {{"axis", axis}}, {.output_count = static_cast<int>(inputs.size())});
}

}  // namespace

constinit const OpDef kConcat = {.name = "Concat",
                                 .inputs = kInputs,
                                 .outputs = kOutputs,
                                 .attributes = kAttributes,
                                 .versions = kVersions,
                                 .traits = kQuantTransparent | kF16Safe | kMovesData,
                                 .layout = LayoutRule::kAny,
                                 .infer = infer,
                                 .cost = cost,
                                 .bind = bind};

extern const GradDef kConcatGradient;
constinit const GradDef kConcatGradient = {.op = &kConcat, .rule = gradient};

}  // namespace omni::ops
