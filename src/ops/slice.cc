// Slice (ai.onnx) with NumPy's rules, and ai.omni.SliceGradient: zeros of the input's shape with the gradient put where the slice was.
#include <algorithm>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}, {"starts"}, {"ends"}, {"axes", kOptional}, {"steps", kOptional}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr Formal kGradientInputs[] = {{"gradient"}, {"data"}, {"starts"}, {"ends"}, {"axes", kOptional}, {"steps", kOptional}};
constexpr Formal kGradientOutputs[] = {{"data_gradient"}};

void upgrade_attributes(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  draft.inputs.resize(1);
  for (const char* name : {"starts", "ends", "axes"}) {
    if (!draft.attributes.has(name)) continue;
    const std::vector<int64_t> values = draft.attributes.get_ints(name);
    draft.inputs.push_back(graph.add_constant(draft.name + "." + name, Tensor::of<int64_t>(Shape{static_cast<int64_t>(values.size())}, values)));
    draft.attributes.erase(name);
  }
}

constexpr OpVersion kVersions[] = {{13}, {11}, {10}, {1, upgrade_attributes}};

// One dimension of a slice as far as it is known.
struct Cut {
  std::optional<Dim> start, size;
  int64_t step = 1;
};

// A bound in [0, size] (step > 0), counted from the end when negative. Sizes that are not known are taken to be large enough.
Dim forward_bound(DimTable& dims, Dim bound, Dim size) {
  if (bound.is_constant() && size.is_constant()) return std::clamp<int64_t>(bound.value < 0 ? bound.value + size.value : bound.value, 0, size.value);
  if (bound.is_constant() && bound.value < 0) return bound.value == INT64_MIN ? Dim(0) : dims.max(0, dims.add(size, bound));
  if (bound.is_constant() && bound.value >= INT32_MAX) return size;
  return bound == size || bound == Dim(0) ? bound : dims.min(bound, size);
}

Cut cut_of(DimTable& dims, Dim size, std::optional<Dim> start, std::optional<Dim> end, std::optional<Dim> step) {
  Cut cut;
  if (!start || !end || !step || !step->is_constant() || step->value == 0) return cut;
  cut.step = std::max(step->value, -INT64_MAX);
  if (cut.step > 0) {
    const Dim first = forward_bound(dims, *start, size), last = forward_bound(dims, *end, size);
    cut.start = first;
    const Dim length = dims.ceil_div(dims.sub(last, first), cut.step);
    const bool fits = first == Dim(0) || (last == size && first.is_constant());  // else the end may come before the start
    cut.size = length.is_constant() ? Dim(std::max<int64_t>(0, length.value)) : fits ? length : dims.max(0, length);
    return cut;
  }
  if (!start->is_constant() || !end->is_constant()) return cut;
  if (size.is_constant()) {
    const int64_t n = size.value, s = start->value, e = end->value;
    const int64_t first = std::clamp<int64_t>(s < 0 ? s + n : s, -1, n - 1), last = std::clamp<int64_t>(e < -n ? -1 : e < 0 ? e + n : e, -1, n - 1);
    cut.start = first;
    cut.size = first > last ? (first - last - 1) / -cut.step + 1 : 0;
  } else if ((start->value == -1 || start->value >= INT32_MAX) && end->value <= INT32_MIN) {  // the whole, backwards
    cut.start = dims.sub(size, 1);
    cut.size = dims.ceil_div(size, -cut.step);
  }
  return cut;
}

// The cuts of every dimension. `contents(i)` are those of starts, ends, axes, steps (nullptr: unknown), `has(i)` whether they are given.
std::optional<std::vector<Cut>> cuts_of(DimTable& dims, const std::vector<Dim>& shape, const Contents* const (&lists)[4], const bool (&has)[4],
                                        const std::function<int(int64_t)>& axis) {
  const int rank = static_cast<int>(shape.size());
  std::vector<Cut> cuts;
  for (const Dim d : shape) cuts.push_back({Dim(0), d, 1});
  size_t n = static_cast<size_t>(rank);
  for (const Contents* list : lists) n = list != nullptr ? list->size() : n;
  if (has[2] && (lists[2] == nullptr || std::any_of(lists[2]->begin(), lists[2]->end(), [](Dim d) { return !d.is_constant(); }))) {
    return std::nullopt;  // any axis may be cut
  }
  for (size_t i = 0; i < n; ++i) {
    const auto entry = [&](int list) {
      return lists[list] != nullptr && i < lists[list]->size() ? std::optional<Dim>((*lists[list])[i]) : std::nullopt;
    };
    const int at = axis(has[2] ? (*lists[2])[i].value : static_cast<int64_t>(i));
    cuts[static_cast<size_t>(at)] = cut_of(dims, shape[static_cast<size_t>(at)], entry(0), entry(1), has[3] ? entry(3) : std::optional<Dim>(1));
  }
  return cuts;
}

std::optional<Contents> sliced_contents(const InferContext& c, const Cut& cut) {
  const Contents* known = c.contents(0);
  if (known == nullptr || c.input(0).rank() != 1 || !cut.start || !cut.size || !cut.start->is_constant() || !cut.size->is_constant())
    return std::nullopt;
  Contents out;
  for (int64_t i = 0; i < cut.size->value; ++i) {
    const int64_t at = cut.start->value + i * cut.step;
    if (at < 0 || at >= static_cast<int64_t>(known->size())) return std::nullopt;
    out.push_back((*known)[static_cast<size_t>(at)]);
  }
  return out;
}

// The cuts of a tensor of type x; starts are inputs [first, first + 4). Fails where the lists contradict each other or x.
std::optional<std::vector<Cut>> checked_cuts(InferContext& c, const Type& x, int first) {
  const Contents* const lists[4] = {c.contents(first), c.contents(first + 1), c.contents(first + 2), c.contents(first + 3)};
  const bool has[4] = {true, true, c.has_input(first + 2), c.has_input(first + 3)};
  const Contents* one = nullptr;
  for (const Contents* list : lists) {
    if (list != nullptr && one != nullptr && list->size() != one->size()) c.fail("starts, ends, axes and steps have different lengths");
    if (list != nullptr) one = list;
  }
  if (lists[3] != nullptr && std::find(lists[3]->begin(), lists[3]->end(), Dim(0)) != lists[3]->end()) c.fail("a step is 0");
  return cuts_of(c.dims, x.dims, lists, has, [&](int64_t a) { return c.axis(a, x.rank()); });
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const auto cuts = checked_cuts(c, x, 1);
  Type type = x;
  for (int d = 0; d < x.rank(); ++d) {
    const std::optional<Dim> size = cuts ? (*cuts)[static_cast<size_t>(d)].size : std::nullopt;
    type.dims[static_cast<size_t>(d)] = size ? *size : c.dims.fresh();
  }
  c.set(0, std::move(type), cuts && x.rank() == 1 ? sliced_contents(c, cuts->front()) : std::nullopt);
}

// The concrete cuts at plan time; starts are inputs [first, first + 4).
void planned_cuts(const PlannedNode& n, const Shape& shape, int first, std::vector<int64_t>& starts, std::vector<int64_t>& steps, Shape& sizes) {
  std::optional<Contents> known[4];
  const Contents* lists[4] = {};
  bool has[4];
  for (int i = 0; i < 4; ++i) {
    has[i] = n.has_input(first + i);
    if (!has[i]) continue;
    if (n.input(first + i).constant == nullptr) n.unsupported("starts, ends, axes or steps are not known when the graph is planned");
    known[i].emplace();
    for (const int64_t v : to_int64(*n.input(first + i).constant)) known[i]->push_back(v);
    lists[i] = &*known[i];
    if (lists[i]->size() != lists[0]->size()) n.unsupported("starts, ends, axes and steps have different lengths");
  }
  DimTable dims;
  const std::vector<Dim> symbolic(shape.begin(), shape.end());
  const Contents* const fixed[4] = {lists[0], lists[1], lists[2], lists[3]};
  const auto cuts = cuts_of(dims, symbolic, fixed, has, [&](int64_t a) { return planned_axis(n, a, shape.rank()); });
  sizes = shape;
  for (int d = 0; d < shape.rank(); ++d) {
    const Cut& cut = (*cuts)[static_cast<size_t>(d)];
    if (!cut.start || !cut.size) n.unsupported("a step is 0");
    starts.push_back(cut.start->value);
    steps.push_back(cut.size->value > 1 ? cut.step : 1);  // a step that is not taken may be of any size
    sizes.set(d, cut.size->value);
  }
}

template <class T>
std::vector<T> in_order(const std::vector<T>& values, Layout layout) {
  std::vector<T> out(values.size());
  for (size_t d = 0; d < values.size(); ++d)
    out[static_cast<size_t>(physical_axis(static_cast<int>(d), static_cast<int>(values.size()), layout))] = values[d];
  return out;
}

void run(const KernelArgs& args) noexcept {
  kernels::run_copy(*static_cast<const kernels::CopyPlan*>(args.params), args.inputs[0].data, args.outputs[0].data, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  if (dtype_bits(x.dtype) < 8) n.unsupported("no kernel for this element type");
  std::vector<int64_t> starts, steps;
  Shape sizes;
  planned_cuts(n, x.shape, 1, starts, steps, sizes);
  return {run,
          std::make_shared<kernels::CopyPlan>(kernels::plan_slice(x.physical(), physical_shape(sizes, x.layout), in_order(starts, x.layout),
                                                                  in_order(steps, x.layout), dtype_size(x.dtype), n.isa)),
          0};
}

Cost cost(const PlannedNode& n) { return {0, static_cast<int64_t>(2 * n.output(0).bytes())}; }

void run_gradient(const KernelArgs& args) noexcept {
  const double zero = 0;  // all bytes 0 in every float type
  const TensorView& y = args.outputs[0];
  kernels::fill(y.data, y.count(), &zero, dtype_size(y.dtype), *args.pool);
  kernels::run_copy(*static_cast<const kernels::CopyPlan*>(args.params), args.inputs[0].data, y.data, *args.pool);
}

Binding bind_gradient(const PlannedNode& n) {
  const Shape& data = n.output(0).shape;
  std::vector<int64_t> starts, steps, from, to;
  Shape sizes;
  planned_cuts(n, data, 2, starts, steps, sizes);
  if (n.input(0).shape != sizes || n.input(0).dtype != n.output(0).dtype) n.unsupported("the gradient has not the slice's shape");
  int64_t offset = 0;
  for (int d = 0; d < data.rank(); ++d) {
    const int64_t stride = data.count(d + 1);
    from.push_back(sizes.count(d + 1));
    to.push_back(stride * steps[static_cast<size_t>(d)]);
    offset += stride * starts[static_cast<size_t>(d)];
  }
  kernels::CopyPlan plan = kernels::plan_copy(sizes.dims(), from, to, dtype_size(n.output(0).dtype), n.isa);
  plan.out_offset = offset;
  return {run_gradient, std::make_shared<kernels::CopyPlan>(plan), 0};
}

void infer_gradient(InferContext& c) {
  if (c.input(1).ranked) checked_cuts(c, c.input(1), 2);
  c.set(0, c.input(1));
}

}  // namespace

constinit const OpDef kSlice = {.name = "Slice",
                                .inputs = kInputs,
                                .outputs = kOutputs,
                                .versions = kVersions,
                                .traits = kQuantTransparent | kF16Safe | kMovesData,
                                .layout = LayoutRule::kAny,
                                .infer = infer,
                                .cost = cost,
                                .bind = bind};

constinit const OpDef kSliceGradientOp = {.name = "SliceGradient",
                                          .domain = "ai.omni",
                                          .inputs = kGradientInputs,
                                          .outputs = kGradientOutputs,
                                          .infer = infer_gradient,
                                          .cost = cost,
                                          .bind = bind_gradient};

namespace {
std::vector<ValueId> gradient(GradContext& c) {
  std::vector<ValueId> inputs = c.node.inputs;
  inputs.insert(inputs.begin(), c.grad());
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  grads[0] = c.graph.add1(kSliceGradientOp, inputs);
  return grads;
}
}  // namespace

extern const GradDef kSliceGradient;
constinit const GradDef kSliceGradient = {.op = &kSlice, .rule = gradient};

}  // namespace omni::ops
