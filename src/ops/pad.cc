// Pad (ai.onnx): elements put before and after each dimension (negative counts take away): a constant, or the input's own by index.
#include <algorithm>
#include <array>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "kernels/resize/resize.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}, {"pads"}, {"constant_value", kOptional}, {"axes", kOptional}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr Formal kGradInputs[] = {{"dY"}, {"X"}, {"pads"}, {"axes", kOptional}};
constexpr Formal kGradOutputs[] = {{"dX"}};
constexpr AttributeDef kAttributes[] = {{"mode", AttributeKind::kString}};

void lower_axes(const Graph&, NodeDraft& draft) {
  if (draft.inputs.size() > 3 && draft.inputs[3] != kNone)
    throw Error(ErrorCode::kUnsupported, "Pad with axes does not exist in this opset", draft.name);
  if (draft.inputs.size() > 3) draft.inputs.resize(3);
}
void lower_wrap(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_string("mode", "") == "wrap")
    throw Error(ErrorCode::kUnsupported, "Pad by wrapping does not exist in this opset", draft.name);
}
void upgrade_attributes(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const std::vector<int64_t> pads = draft.attributes.has("pads") ? draft.attributes.get_ints("pads") : draft.attributes.get_ints("paddings");
  draft.inputs.resize(1);
  draft.inputs.push_back(graph.add_constant(draft.name + ".pads", Tensor::of<int64_t>(Shape{static_cast<int64_t>(pads.size())}, pads)));
  draft.inputs.push_back(number(graph, draft.inputs[0], static_cast<double>(draft.attributes.get_float("value", 0))));
  for (const char* name : {"pads", "paddings", "value"}) draft.attributes.erase(name);
}

constexpr OpVersion kVersions[] = {
    {21}, {19}, {18, nullptr, lower_wrap}, {13, nullptr, lower_axes}, {11}, {2, upgrade_attributes}, {1, upgrade_attributes}};

constexpr int64_t kHuge = int64_t{1} << 40;  // more elements than any machine has: sums of pads do not overflow

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const std::string_view mode = c.attributes.get_string("mode", "constant");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap") c.fail("mode " + quoted(mode) + " does not exist");
  const Contents *pads = c.contents(1), *axes = c.contents(3);
  const auto unknown_axis = [](Dim d) { return !d.is_constant(); };
  if (pads == nullptr || (c.has_input(3) && (axes == nullptr || std::any_of(axes->begin(), axes->end(), unknown_axis)))) {
    std::vector<Dim> unknown;
    for (int d = 0; d < x.rank(); ++d) unknown.push_back(c.dims.fresh());
    return c.set(0, Type(x.dtype, std::move(unknown)));
  }
  const size_t n = axes != nullptr ? axes->size() : static_cast<size_t>(x.rank());
  if (pads->size() != 2 * n) c.fail("pads has " + std::to_string(pads->size()) + " entries for " + std::to_string(n) + " dimensions");
  for (const Dim d : *pads) {
    if (d.is_constant() && (d.value > kHuge || d.value < -kHuge)) c.fail("a pad of " + std::to_string(d.value));
  }
  Type type = x;
  for (size_t i = 0; i < n; ++i) {
    const int at = axes != nullptr ? c.axis((*axes)[i].value, x.rank()) : static_cast<int>(i);
    Dim& d = type.dims[static_cast<size_t>(at)];
    d = c.dims.add(d, c.dims.add((*pads)[i], (*pads)[i + n]));
    if (d.is_constant() && d.value < 0) c.fail("the pads take away more than dimension " + std::to_string(at) + " has");
  }
  c.set(0, std::move(type));
}

struct Params {
  kernels::CopyPlan inside;
  bool fills = true;
  Shape in, out;
  std::array<int64_t, Shape::kMaxRank> before{};
  kernels::PadMode mode = kernels::PadMode::kEdge;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const TensorView& y = args.outputs[0];
  const uint64_t zero = 0;
  const bool has_value = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
  if (p.fills) kernels::fill(y.data, y.count(), has_value ? args.inputs[2].data : &zero, dtype_size(y.dtype), *args.pool);
  kernels::run_copy(p.inside, args.inputs[0].data, y.data, *args.pool);
}

void run_by_index(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_pad(p.in, p.out, {p.before.data(), static_cast<size_t>(p.in.rank())}, p.mode, dtype_size(args.outputs[0].dtype), args.inputs[0].data,
                   args.outputs[0].data, *args.pool);
}

// The elements of the input that stay, and where they go.
kernels::CopyPlan plan_inside(const Params& p, size_t element_size, Isa isa) {
  std::vector<int64_t> dims, from, to;
  int64_t in_offset = 0, out_offset = 0;
  for (int d = 0; d < p.in.rank(); ++d) {
    const int64_t before = p.before[static_cast<size_t>(d)], first = std::max<int64_t>(0, -before), place = std::max<int64_t>(0, before);
    dims.push_back(std::max<int64_t>(0, std::min(p.in[d] - first, p.out[d] - place)));
    from.push_back(p.in.count(d + 1));
    to.push_back(p.out.count(d + 1));
    in_offset += first * from.back();
    out_offset += place * to.back();
  }
  kernels::CopyPlan plan = kernels::plan_copy(dims, from, to, element_size, isa);
  plan.in_offset = in_offset;
  plan.out_offset = out_offset;
  return plan;
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  if (dtype_bits(x.dtype) < 8) n.unsupported("no kernel for this element type");
  if (n.input(1).constant == nullptr || (n.has_input(3) && n.input(3).constant == nullptr))
    n.unsupported("the pads are not known when the graph is planned");
  const int rank = x.shape.rank();
  const std::vector<int64_t> pads = to_int64(*n.input(1).constant);
  std::vector<int64_t> axes;
  if (n.has_input(3))
    axes = to_int64(*n.input(3).constant);
  else
    for (int d = 0; d < rank; ++d) axes.push_back(d);
  if (pads.size() != 2 * axes.size()) n.unsupported("there are not two pads a dimension");
  auto params = std::make_shared<Params>();
  params->in = x.physical();
  params->out = n.output(0).physical();
  bool grows = false;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int at = planned_axis(n, axes[i], rank);
    params->before[static_cast<size_t>(physical_axis(at, rank, x.layout))] = pads[i];
    grows = grows || pads[i] > 0 || pads[i + axes.size()] > 0;
  }
  const std::string_view mode = n.attributes.get_string("mode", "constant");
  params->fills = grows;
  if (mode == "constant") {
    params->inside = plan_inside(*params, dtype_size(x.dtype), n.isa);
    return {run, params, 0};
  }
  if (x.shape.count() == 0 && n.output(0).shape.count() != 0) n.unsupported("an empty tensor has nothing to repeat");
  params->mode = mode == "reflect" ? kernels::PadMode::kReflect : mode == "edge" ? kernels::PadMode::kEdge : kernels::PadMode::kWrap;
  return {run_by_index, params, 0};
}

Cost cost(const PlannedNode&) { return {0}; }

// ai.omni.PadGrad(dY, X, pads, axes): what the modes other than constant repeated comes back to where it was read; X gives its shape only.
void infer_grad(InferContext& c) {
  if (c.input(0).dtype != c.input(1).dtype) c.fail("dY and X have different element types");
  c.set(0, c.input(1));
}

// The input's index that output `i` repeats.
int64_t source(kernels::PadMode mode, int64_t i, int64_t size) {
  if (mode == kernels::PadMode::kEdge) return std::clamp<int64_t>(i, 0, size - 1);
  if (mode == kernels::PadMode::kWrap) return (i % size + size) % size;
  if (size == 1) return 0;
  const int64_t turn = 2 * (size - 1), at = (i % turn + turn) % turn;
  return at < size ? at : turn - at;
}

void run_grad(const KernelArgs& args) noexcept {
  kernels::run_resize_grad(*static_cast<const kernels::ResizePlan*>(args.params), args.inputs[0].data, args.outputs[0].data, args.scratch, *args.pool);
}

Binding bind_grad(const PlannedNode& n) {
  const PlannedValue &dy = n.input(0), &x = n.input(1);
  if (x.dtype != DType::kF32 && x.dtype != DType::kF64) n.unsupported("no kernel for this element type");
  if (n.input(2).constant == nullptr || (n.has_input(3) && n.input(3).constant == nullptr)) n.unsupported("the pads are not known when the graph is planned");
  const int rank = x.shape.rank();
  if (dy.shape.rank() != rank || x.shape.count() == 0) n.unsupported("dY and X do not fit");
  const std::vector<int64_t> pads = to_int64(*n.input(2).constant);
  std::vector<int64_t> axes;
  if (n.has_input(3)) axes = to_int64(*n.input(3).constant);
  for (int d = 0; !n.has_input(3) && d < rank; ++d) axes.push_back(d);
  if (pads.size() != 2 * axes.size()) n.unsupported("there are not two pads a dimension");
  const std::string_view mode = n.attributes.get_string("mode", "constant");
  const kernels::PadMode by = mode == "reflect" ? kernels::PadMode::kReflect : mode == "edge" ? kernels::PadMode::kEdge : kernels::PadMode::kWrap;
  auto plan = std::make_shared<kernels::ResizePlan>();
  plan->in = x.shape;
  plan->element_size = dtype_size(x.dtype);
  for (size_t a = 0; a < axes.size(); ++a) {
    const int d = planned_axis(n, axes[a], rank);
    if (dy.shape[d] == x.shape[d] && pads[a] == 0) continue;
    kernels::ResizeAxis axis{d, x.shape[d], dy.shape[d], 1, {}, {}};
    for (int64_t i = 0; i < dy.shape[d]; ++i) axis.positions.push_back(static_cast<int32_t>(source(by, i - pads[a], x.shape[d])));
    plan->axes.push_back(std::move(axis));
  }
  return {run_grad, plan, kernels::resize_scratch_bytes(*plan)};
}

// Taking away what was put: the same pads negated.
std::vector<ValueId> gradient(GradContext& c) {
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (c.node.attributes.get_string("mode", "constant") != "constant") {
    grads[0] = c.graph.add1(kPadGrad, {c.grad(), c.input(0), c.input(1), c.input(3)}, c.node.attributes);
    return grads;
  }
  grads[0] = c.graph.add1(kPad, {c.grad(), c.graph.add1(kNeg, {c.input(1)}), kNone, c.input(3)});
  return grads;
}

}  // namespace

constinit const OpDef kPad = {.name = "Pad",
                              .inputs = kInputs,
                              .outputs = kOutputs,
                              .attributes = kAttributes,
                              .versions = kVersions,
                              .traits = kQuantTransparent | kF16Safe,
                              .layout = LayoutRule::kAny,
                              .infer = infer,
                              .cost = cost,
                              .bind = bind};

constinit const OpDef kPadGrad = {.name = "PadGrad",
                                  .domain = "ai.omni",
                                  .inputs = kGradInputs,
                                  .outputs = kGradOutputs,
                                  .attributes = kAttributes,
                                  .infer = infer_grad,
                                  .cost = cost,
                                  .bind = bind_grad};

extern const GradDef kPadGradient;
constinit const GradDef kPadGradient = {.op = &kPad, .rule = gradient};

}  // namespace omni::ops
