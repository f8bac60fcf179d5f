// ai.omni.QMaxPool, QAveragePool, QGlobalAveragePool: pools of bytes with the attributes of ONNX's pools.
#include "core/kernel_args.h"
#include "kernels/pool_int8/pool_int8.h"
#include "ops/q_attributes.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

#define OMNI_POOL_WINDOW                                                                                         \
  {"auto_pad", AttributeKind::kString}, {"ceil_mode", AttributeKind::kInt}, {"dilations", AttributeKind::kInts}, \
      {"kernel_shape", AttributeKind::kInts, true}, {"pads", AttributeKind::kInts}, {                            \
    "strides", AttributeKind::kInts                                                                              \
  }

constexpr Formal kX[] = {{"x"}};
constexpr Formal kY[] = {{"y"}};
constexpr AttributeDef kMaxAttributes[] = {OMNI_POOL_WINDOW};
constexpr AttributeDef kAverageAttributes[] = {OMNI_POOL_WINDOW,
                                               {"count_include_pad", AttributeKind::kInt},
                                               {"x_scale", AttributeKind::kFloat, true},
                                               {"x_zero", AttributeKind::kInt},
                                               OMNI_Q_RESULT};
constexpr AttributeDef kGlobalAttributes[] = {{"x_scale", AttributeKind::kFloat, true}, {"x_zero", AttributeKind::kInt}, OMNI_Q_RESULT};

template <bool kMax>
void infer(InferContext& c) {
  require_bytes(c, 0);
  const Type& x = c.input(0);
  const DType dtype = kMax ? x.dtype : q_result_type(c, false);
  if (!x.ranked) return c.set(0, Type::unranked(dtype));
  if (x.rank() < 3) c.fail("x must have a batch, a channel and at least one spatial dimension");
  std::vector<Dim> kernel;
  for (const int64_t k : c.attributes.get_ints("kernel_shape")) {
    if (k < 1 || k > INT32_MAX) c.fail("kernel_shape holds " + std::to_string(k));
    kernel.emplace_back(k);
  }
  std::vector<Dim> dims = {x.dim(0), x.dim(1)};
  const std::vector<Dim> spatial = infer_window(c, kernel, std::span(x.dims).subspan(2), c.attributes.get_int("ceil_mode", 0) != 0);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  c.set(0, Type(dtype, std::move(dims)));
}

void infer_global(InferContext& c) {
  require_bytes(c, 0);
  Type type = c.input(0);
  type.dtype = q_result_type(c, false);
  if (type.ranked && type.rank() < 3) c.fail("x must have a batch, a channel and at least one spatial dimension");
  for (size_t i = 2; i < type.dims.size(); ++i) type.dims[i] = Dim(1);
  c.set(0, std::move(type));
}

kernels::PoolInt8Shape shape_of(const PlannedNode& n, bool global) {
  const Shape &x = n.input(0).shape, &y = n.output(0).shape;
  if (x.count(2) == 0) n.unsupported("a pool over no positions");
  kernels::PoolInt8Shape s;
  s.batch = x[0];
  s.channels = x[1];
  if (global) {
    s.width = s.kernel_width = x.count(2);
    return s;
  }
  if (x.rank() > 4) n.unsupported("a pool of " + std::to_string(x.rank() - 2) + " spatial dimensions");
  const std::vector<int64_t> kernel = n.attributes.get_ints("kernel_shape");
  const Window w = resolve_window(n.attributes, kernel, x.dims().subspan(2), n.attributes.get_int("ceil_mode", 0) != 0);
  const size_t last = static_cast<size_t>(w.spatial) - 1;
  s.width = x[-1];
  s.out_width = y[-1];
  s.kernel_width = w.kernel[last];
  s.stride_x = w.stride[last];
  s.dilation_x = w.dilation[last];
  s.pad_left = w.pad_begin[last];
  s.pad_right = w.pad_end[last];
  if (w.spatial == 2) {
    s.height = x[2];
    s.out_height = y[2];
    s.kernel_height = w.kernel[0];
    s.stride_y = w.stride[0];
    s.dilation_y = w.dilation[0];
    s.pad_top = w.pad_begin[0];
    s.pad_bottom = w.pad_end[0];
  }
  return s;
}

struct Params {
  Isa isa;
  bool max;
  kernels::AveragePoolInt8 pool;
  QOrder x, y;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const void* x = p.x.in(k.inputs[0].data, k.scratch, *k.pool);
  void* const y = p.y.out(k.outputs[0].data, k.scratch);
  if (p.max)
    kernels::max_pool_int8(p.isa, p.pool.shape, p.pool.x_signed, x, y, *k.pool);
  else
    kernels::average_pool_int8(p.isa, p.pool, x, y, *k.pool);
  p.y.finish(k.outputs[0].data, k.scratch, *k.pool);
}

enum class Kind { kMax, kAverage, kGlobal };

template <Kind kKind>
Binding bind(const PlannedNode& n) {
  auto p = std::make_shared<Params>();
  size_t scratch = 0;
  p->isa = n.isa;
  p->max = kKind == Kind::kMax;
  p->x = QOrder(n.input(0), n.isa, scratch);
  p->y = QOrder(n.output(0), n.isa, scratch);
  p->pool.shape = shape_of(n, kKind == Kind::kGlobal);
  p->pool.x_signed = n.input(0).dtype == DType::kI8;
  if (kKind != Kind::kMax) {
    const TensorScale x = tensor_scale(n, "x");
    p->pool.count_padding = n.attributes.get_int("count_include_pad", 0) != 0;
    p->pool.zx = x.zero;
    p->pool.sx = x.scale;
    p->pool.sy = tensor_scale(n, "y").scale;
    p->pool.y = q_range(n, "y");
  }
  return {run, p, scratch};
}

constexpr OpDef row(std::string_view name, std::span<const AttributeDef> attributes, void (*infer_fn)(InferContext&),
                    Binding (*bind_fn)(const PlannedNode&)) {
  return {.name = name,
          .domain = "ai.omni",
          .inputs = kX,
          .outputs = kY,
          .attributes = attributes,
          .layout = LayoutRule::kChannelsLast,
          .channels_last_inputs = 1,
          .channels_last_outputs = 1,
          .infer = infer_fn,
          .bind = bind_fn};
}

}  // namespace

constinit const OpDef kQMaxPool = row("QMaxPool", kMaxAttributes, infer<true>, bind<Kind::kMax>);
constinit const OpDef kQAveragePool = row("QAveragePool", kAverageAttributes, infer<false>, bind<Kind::kAverage>);
constinit const OpDef kQGlobalAveragePool = row("QGlobalAveragePool", kGlobalAttributes, infer_global, bind<Kind::kGlobal>);

}  // namespace omni::ops
