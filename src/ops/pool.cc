// MaxPool, AveragePool, GlobalMaxPool, GlobalAveragePool (ai.onnx), and their gradients MaxPoolGrad, AveragePoolGrad (ai.omni):
//   MaxPoolGrad(dY, X) → dX: the maximum of each window is found again, the first one in case of ties;
//   AveragePoolGrad(dY, X) → dX: X gives its shape only.
// The gradient operators carry the pool's attributes; without kernel_shape the window is the whole picture.
#include "kernels/pool/pool.h"

#include "graph/grad_def.h"
#include "ops/forward_type.h"
#include "ops/op_list.h"
#include "ops/spatial/pool_nd.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kMaxOutputs[] = {{"Y"}, {"Indices", kOptional}};
constexpr Formal kGradInputs[] = {{"dY"}, {"X"}};
constexpr Formal kGradOutputs[] = {{"dX"}};
constexpr AttributeDef kMaxAttributes[] = {{"auto_pad", AttributeKind::kString}, {"ceil_mode", AttributeKind::kInt},
                                           {"dilations", AttributeKind::kInts},  {"kernel_shape", AttributeKind::kInts, true},
                                           {"pads", AttributeKind::kInts},       {"storage_order", AttributeKind::kInt},
                                           {"strides", AttributeKind::kInts}};
constexpr AttributeDef kAverageAttributes[] = {
    {"auto_pad", AttributeKind::kString}, {"ceil_mode", AttributeKind::kInt},           {"count_include_pad", AttributeKind::kInt},
    {"dilations", AttributeKind::kInts},  {"kernel_shape", AttributeKind::kInts, true}, {"pads", AttributeKind::kInts},
    {"strides", AttributeKind::kInts}};
constexpr AttributeDef kGradAttributes[] = {{"auto_pad", AttributeKind::kString},       {"ceil_mode", AttributeKind::kInt},
                                            {"count_include_pad", AttributeKind::kInt}, {"dilations", AttributeKind::kInts},
                                            {"kernel_shape", AttributeKind::kInts},     {"pads", AttributeKind::kInts},
                                            {"storage_order", AttributeKind::kInt},     {"strides", AttributeKind::kInts}};

void lower_no_dilation(const Graph&, NodeDraft& draft) {
  for (const int64_t d : draft.attributes.get_ints("dilations")) {
    if (d != 1) throw Error(ErrorCode::kUnsupported, "a dilated pool needs a newer opset", draft.name, "export with opset 19 or newer");
  }
  draft.attributes.erase("dilations");
}

void lower_no_ceil(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("ceil_mode", 0) != 0)
    throw Error(ErrorCode::kUnsupported, "ceil_mode needs opset 10", draft.name, "export with opset 10 or newer");
  draft.attributes.erase("ceil_mode");
}

void lower_max_8(const Graph& graph, NodeDraft& draft) {
  lower_no_ceil(graph, draft);
  lower_no_dilation(graph, draft);
}

constexpr OpVersion kMaxVersions[] = {{22}, {12}, {11}, {10}, {8, nullptr, lower_max_8}, {1}};
constexpr OpVersion kAverageVersions[] = {{22}, {19}, {11, nullptr, lower_no_dilation}, {10}, {7, nullptr, lower_no_ceil}, {1}};
constexpr OpVersion kGlobalVersions[] = {{22}, {1}};

void infer_pool(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) {
    c.set(0, Type::unranked(x.dtype));
    return c.set(1, Type::unranked(DType::kI64));
  }
  if (x.rank() < 3) c.fail("X must have a batch, a channel and at least one spatial dimension");
  std::vector<Dim> kernel;
  for (const int64_t k : c.attributes.get_ints("kernel_shape")) {
    if (k < 1 || k > INT32_MAX) c.fail("kernel_shape holds " + std::to_string(k));
    kernel.emplace_back(k);
  }
  std::vector<Dim> dims = {x.dim(0), x.dim(1)};
  const std::vector<Dim> spatial = infer_window(c, kernel, std::span(x.dims).subspan(2), c.attributes.get_int("ceil_mode", 0) != 0);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  c.set(0, Type(x.dtype, dims));
  c.set(1, Type(DType::kI64, std::move(dims)));
}

void infer_global(InferContext& c) {
  Type x = c.input(0);
  if (!x.ranked) return c.set(0, std::move(x));
  if (x.rank() < 3) c.fail("X must have a batch, a channel and at least one spatial dimension");
  for (size_t i = 2; i < x.dims.size(); ++i) x.dims[i] = Dim(1);
  c.set(0, std::move(x));
}

void infer_grad(InferContext& c) {
  require_shape_of(c, 0, forward_type(c, c.attributes.has("kernel_shape") ? kMaxPool : kGlobalMaxPool, {1}));
  c.set(0, c.input(1));
}

// One operation per value and window it lies in.
Cost cost_window(const PlannedNode& n, const Shape& y) {
  int64_t window = 1;
  for (const int64_t k : n.attributes.get_ints("kernel_shape")) window *= k;
  return {.operations = y.count() * window};
}
Cost cost_pool(const PlannedNode& n) { return cost_window(n, n.output(0).shape); }
Cost cost_global(const PlannedNode& n) { return {.operations = n.input(0).shape.count()}; }
Cost cost_grad(const PlannedNode& n) {
  return n.attributes.has("kernel_shape") ? cost_window(n, n.input(0).shape) : Cost{.operations = n.input(1).shape.count()};
}

// The kernel's shape for a pool of `x` under the node's attributes; without kernel_shape over all of it.
kernels::PoolShape pool_shape(const PlannedNode& n, const Shape& x) {
  if (x.count(2) == 0) n.unsupported("a pool over no positions");
  kernels::PoolShape s;
  s.images = x[0];
  s.channels = x[1];
  if (!n.attributes.has("kernel_shape")) {
    s.in_w = s.kernel_w = x.count(2);
    return s;
  }
  if (x.rank() > 4) n.unsupported("a pool of " + std::to_string(x.rank() - 2) + " spatial dimensions");
  const std::vector<int64_t> kernel = n.attributes.get_ints("kernel_shape");
  const Window w = resolve_window(n.attributes, kernel, x.dims().subspan(2), n.attributes.get_int("ceil_mode", 0) != 0);
  const size_t last = static_cast<size_t>(w.spatial) - 1;
  s.in_w = x[-1];
  s.out_w = w.out[last];
  s.kernel_w = w.kernel[last];
  s.stride_w = w.stride[last];
  s.dilation_w = w.dilation[last];
  s.pad_left = w.pad_begin[last];
  s.pad_right = w.pad_end[last];
  if (w.spatial == 2) {
    s.in_h = x[2];
    s.out_h = w.out[0];
    s.kernel_h = w.kernel[0];
    s.stride_h = w.stride[0];
    s.dilation_h = w.dilation[0];
    s.pad_top = w.pad_begin[0];
    s.pad_bottom = w.pad_end[0];
  }
  s.count_include_pad = n.attributes.get_int("count_include_pad", 0) != 0;
  return s;
}

// Plain and channels-last are the same bytes for one channel; the latter has the vector kernels.
bool channels_last(const PlannedValue& v) { return v.layout == Layout::kChannelsLast || v.shape[1] == 1; }

struct Params {
  Isa isa;
  kernels::PoolShape shape;
  bool column_major;
};

std::shared_ptr<Params> make_params(const PlannedNode& n, const PlannedValue& x) {
  if (x.dtype != DType::kF32) n.unsupported("a pool of other types than f32");
  auto p = std::make_shared<Params>(Params{n.isa, pool_shape(n, x.shape), n.attributes.get_int("storage_order", 0) != 0});
  p->shape.channels_last = channels_last(x);
  return p;
}

using Forward = void (*)(Isa, const kernels::PoolArgs&, ThreadPool&) noexcept;
using Backward = void (*)(Isa, const kernels::PoolGradArgs&, ThreadPool&) noexcept;

template <Forward kKernel>
void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  int64_t* const indices = k.outputs.size() > 1 ? k.outputs[1].as<int64_t>() : nullptr;
  kKernel(p.isa, {p.shape, k.inputs[0].as<float>(), k.outputs[0].as<float>(), indices, p.column_major}, *k.pool);
}

template <Forward kKernel>
Binding bind(const PlannedNode& n) {
  if (is_pool_nd(n, n.input(0))) return bind_pool_nd(n, kKernel == kernels::max_pool ? PoolKind::kLargest : PoolKind::kAveraged);
  return {run<kKernel>, make_params(n, n.input(0)), 0};
}

template <Backward kKernel>
void run_grad(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kKernel(p.isa, {p.shape, k.inputs[1].as<float>(), k.inputs[0].as<float>(), k.outputs[0].as<float>()}, *k.pool);
}

template <Backward kKernel>
Binding bind_grad(const PlannedNode& n) {
  if (is_pool_nd(n, n.input(1))) return bind_pool_grad_nd(n, kKernel == kernels::max_pool_grad ? PoolKind::kLargest : PoolKind::kAveraged);
  return {run_grad<kKernel>, make_params(n, n.input(1)), 0};
}

std::vector<ValueId> gradient_of(GradContext& c, const OpDef& op) {
  return {c.wants(0) ? c.graph.add1(op, {c.grad(), c.input(0)}, c.node.attributes) : kNone};
}
std::vector<ValueId> max_gradient(GradContext& c) { return gradient_of(c, kMaxPoolGrad); }
std::vector<ValueId> average_gradient(GradContext& c) { return gradient_of(c, kAveragePoolGrad); }

constexpr OpDef pool(std::string_view name, std::span<const Formal> outputs, std::span<const AttributeDef> attributes,
                     std::span<const OpVersion> versions, uint32_t traits, void (*infer)(InferContext&), Cost (*cost)(const PlannedNode&),
                     Binding (*bind)(const PlannedNode&)) {
  return {.name = name,
          .inputs = kX,
          .outputs = outputs,
          .attributes = attributes,
          .versions = versions,
          .traits = traits | kF16Safe,
          .layout = LayoutRule::kChannelsLast,
          .channels_last_inputs = 1,
          .channels_last_outputs = 1,
          .infer = infer,
          .cost = cost,
          .bind = bind};
}

constexpr OpDef pool_grad(std::string_view name, Binding (*bind)(const PlannedNode&)) {
  return {.name = name,
          .domain = "ai.omni",
          .inputs = kGradInputs,
          .outputs = kGradOutputs,
          .attributes = kGradAttributes,
          .layout = LayoutRule::kChannelsLast,
          .channels_last_inputs = 1 | 2,
          .channels_last_outputs = 1,
          .infer = infer_grad,
          .cost = cost_grad,
          .bind = bind};
}

}  // namespace

constinit const OpDef kMaxPool =
    pool("MaxPool", kMaxOutputs, kMaxAttributes, kMaxVersions, kQuantTransparent, infer_pool, cost_pool, bind<kernels::max_pool>);
constinit const OpDef kAveragePool =
    pool("AveragePool", kY, kAverageAttributes, kAverageVersions, 0, infer_pool, cost_pool, bind<kernels::average_pool>);
constinit const OpDef kGlobalMaxPool =
    pool("GlobalMaxPool", kY, {}, kGlobalVersions, kQuantTransparent, infer_global, cost_global, bind<kernels::max_pool>);
constinit const OpDef kGlobalAveragePool =
    pool("GlobalAveragePool", kY, {}, kGlobalVersions, 0, infer_global, cost_global, bind<kernels::average_pool>);
constinit const OpDef kMaxPoolGrad = pool_grad("MaxPoolGrad", bind_grad<kernels::max_pool_grad>);
constinit const OpDef kAveragePoolGrad = pool_grad("AveragePoolGrad", bind_grad<kernels::average_pool_grad>);

extern const GradDef kMaxPoolGradient, kAveragePoolGradient, kGlobalMaxPoolGradient, kGlobalAveragePoolGradient;
constinit const GradDef kMaxPoolGradient = {&kMaxPool, max_gradient};
constinit const GradDef kAveragePoolGradient = {&kAveragePool, average_gradient};
constinit const GradDef kGlobalMaxPoolGradient = {&kGlobalMaxPool, max_gradient};
constinit const GradDef kGlobalAveragePoolGradient = {&kGlobalAveragePool, average_gradient};

}  // namespace omni::ops
