// Tile (ai.onnx): the tensor repeated along its dimensions.
#include <algorithm>
#include <array>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/move/copy.h"
#include "ops/composer.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"repeats"}};
constexpr Formal kOutputs[] = {{"output"}};

// Opset 1: how often, along one axis, as two numbers of the input's element type.
void upgrade_axis(Graph& g, NodeDraft& draft) {
  require_inputs(draft, 3);
  const Type& x = g.type(draft.inputs[0]);
  const auto known = [&](ValueId id) {
    if (!g.is_constant(id) || g.value(id).data.count() != 1) throw Error(ErrorCode::kUnsupported, "Tile of opset 1 with computed tiles or axis", draft.name);
    return static_cast<int64_t>(to_double(g.value(id).data)[0]);
  };
  const int64_t stated = known(draft.inputs[2]), axis = stated < 0 && x.ranked ? stated + x.rank() : stated;
  if (!x.ranked || axis < 0 || axis >= x.rank()) throw Error(ErrorCode::kInvalidData, "the axis of Tile is out of range", draft.name);
  std::vector<int64_t> repeats(static_cast<size_t>(x.rank()), 1);
  repeats[static_cast<size_t>(axis)] = known(draft.inputs[1]);
  draft.inputs = {draft.inputs[0], g.add_constant(draft.name + ".repeats", Tensor::of<int64_t>(Shape{x.rank()}, repeats))};
}
constexpr OpVersion kVersions[] = {{13}, {6}, {1, upgrade_axis}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  const Contents* repeats = c.contents(1);
  if (repeats != nullptr && static_cast<int>(repeats->size()) != x.rank()) c.fail("there is not one repeat a dimension");
  Type type = x;
  for (int d = 0; d < x.rank(); ++d) {
    Dim& size = type.dims[static_cast<size_t>(d)];
    size = repeats != nullptr ? c.dims.mul(size, (*repeats)[static_cast<size_t>(d)]) : c.dims.fresh();
    if (size.is_constant() && size.value < 0) c.fail("a repeat is negative");
  }
  c.set(0, std::move(type));
}

// One dimension at a time, from the last: [outer, size · repeat, inner] from [outer, size, inner], so that no copy has more than 3 dimensions.
struct Step {
  kernels::CopyPlan plan;
};
struct Params {
  std::vector<Step> steps;
  std::array<size_t, 2> scratch_at{};
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const void* from = args.inputs[0].data;
  for (size_t i = 0; i < p.steps.size(); ++i) {
    void* to = i + 1 == p.steps.size() ? args.outputs[0].data : args.scratch + p.scratch_at[i % 2];
    kernels::run_copy(p.steps[i].plan, from, to, *args.pool);
    from = to;
  }
}

Binding bind(const PlannedNode& n) {
  const PlannedValue &x = n.input(0), &y = n.output(0);
  if (dtype_bits(x.dtype) < 8) n.unsupported("no kernel for this element type");
  auto params = std::make_shared<Params>();
  const size_t size = dtype_size(x.dtype);
  Shape now = x.shape;
  size_t largest = 0;
  for (int d = x.shape.rank() - 1; d >= 0; --d) {
    const int64_t repeat = x.shape[d] == 0 ? 1 : y.shape[d] / x.shape[d];
    if (repeat == 1 && !(d == 0 && params->steps.empty())) continue;
    const int64_t outer = now.count(0, d), row = now.count(d);
    const int64_t dims[] = {outer, repeat, row}, in[] = {row, 0, 1}, out[] = {row * repeat, row, 1};
    params->steps.push_back({kernels::plan_copy(dims, in, out, size, n.isa)});
    now.set(d, now[d] * repeat);
    largest = std::max(largest, static_cast<size_t>(now.count()) * size);
  }
  if (params->steps.empty()) {
    const int64_t one[] = {x.shape.count()}, step[] = {1};
    params->steps.push_back({kernels::plan_copy(one, step, step, size, n.isa)});
  }
  const size_t half = (largest + 63) / 64 * 64;
  params->scratch_at = {0, half};
  return {run, params, params->steps.size() > 1 ? 2 * half : 0};
}

Cost cost(const PlannedNode&) { return {0}; }

// The repeats of one axis after another are summed.
std::vector<ValueId> gradient(GradContext& c) {
  const Composer b(c.graph);
  const int rank = c.graph.type(c.input(0)).rank();
  ValueId g = c.grad();
  for (int64_t d = 0; d < rank; ++d) {
    const Dim in = c.graph.type(c.input(0)).dim(static_cast<int>(d)), out = c.graph.type(c.grad()).dim(static_cast<int>(d));
    if (in == out) continue;
    std::vector<ValueId> shape;
    for (int64_t e = 0; e < d; ++e) shape.push_back(b.size(c.input(0), e));
    shape.push_back(b.slice(c.input(1), 0, d, d + 1));
    shape.push_back(b.size(c.input(0), d));
    for (int64_t e = d + 1; e < rank; ++e) shape.push_back(b.size(c.grad(), e));
    g = b.reduce(kReduceSum, b.reshape_to(g, b.concat(std::move(shape), 0)), {d}, false);
  }
  return {g, kNone};
}

}  // namespace

constinit const OpDef kTile = {.name = "Tile",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .versions = kVersions,
                               .traits = kQuantTransparent | kF16Safe | kMovesData,
                               .infer = infer,
                               .cost = cost,
                               .bind = bind};

extern const GradDef kTileGradient;
constinit const GradDef kTileGradient = {.op = &kTile, .rule = gradient};

}  // namespace omni::ops
