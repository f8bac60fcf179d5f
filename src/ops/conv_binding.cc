#include "ops/conv_binding.h"

#include <cstring>

#include "kernels/conv/conv.h"
#include "kernels/move/copy.h"
#include "ops/spatial/conv_nd.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

constexpr size_t kAlign = 64;

size_t aligned(size_t bytes) { return (bytes + kAlign - 1) / kAlign * kAlign; }

struct ConvParams {
  kernels::ConvArgs args;
  Isa isa;
  Tensor packed;
  int residual_input;
  // Plain tensors pass through scratch on their way to and from channels-last.
  bool reorder_x, reorder_y, reorder_residual;
  kernels::CopyPlan x_in, y_out, residual_in;
  size_t x_bytes, y_bytes, residual_bytes;
};

bool needs_reorder(const PlannedValue& v) { return v.layout == Layout::kPlain && !layout_free(v.shape); }

kernels::CopyPlan reorder(const Shape& shape, Layout to, Isa isa) {
  const int rank = shape.rank();
  int permutation[Shape::kMaxRank];
  permutation[0] = 0;
  if (to == Layout::kChannelsLast) {
    for (int i = 1; i + 1 < rank; ++i) permutation[i] = i + 1;
    permutation[rank - 1] = 1;
    return kernels::plan_transpose(shape, std::span(permutation, static_cast<size_t>(rank)), sizeof(float), isa);
  }
  permutation[1] = rank - 1;
  for (int i = 2; i < rank; ++i) permutation[i] = i - 1;
  return kernels::plan_transpose(physical_shape(shape, Layout::kChannelsLast), std::span(permutation, static_cast<size_t>(rank)), sizeof(float), isa);
}

void run(const KernelArgs& k) noexcept {
  const ConvParams& p = *static_cast<const ConvParams*>(k.params);
  kernels::ConvArgs args = p.args;
  std::byte* scratch = k.scratch;
  args.x = k.inputs[0].as<float>();
  if (p.reorder_x) {
    kernels::run_copy(p.x_in, args.x, scratch, *k.pool);
    args.x = reinterpret_cast<const float*>(scratch);
    scratch += p.x_bytes;
  }
  args.weights = k.inputs[1].as<float>();
  if (k.inputs.size() > 2) args.bias = k.inputs[2].as<float>();
  if (p.residual_input >= 0) {
    args.residual = k.inputs[static_cast<size_t>(p.residual_input)].as<float>();
    if (p.reorder_residual) {
      kernels::run_copy(p.residual_in, args.residual, scratch, *k.pool);
      args.residual = reinterpret_cast<const float*>(scratch);
      scratch += p.residual_bytes;
    }
  }
  args.y = k.outputs[0].as<float>();
  if (p.reorder_y) {
    args.y = reinterpret_cast<float*>(scratch);
    scratch += p.y_bytes;
  }
  args.scratch = scratch;
  kernels::conv(p.isa, args, *k.pool);
  if (p.reorder_y) kernels::run_copy(p.y_out, args.y, k.outputs[0].data, *k.pool);
}

}  // namespace

kernels::ConvShape conv_shape(const PlannedNode& n, const Shape& x, const Shape& w) {
  if (x.rank() != 3 && x.rank() != 4) n.unsupported("a convolution of " + std::to_string(x.rank() - 2) + " spatial dimensions");
  const Window window = resolve_window(n.attributes, w.dims().subspan(2), x.dims().subspan(2), false);
  kernels::ConvShape s;
  s.images = x[0];
  s.in_c = x[1];
  s.out_c = w[0];
  s.groups = n.attributes.get_int("group", 1);
  const size_t last = static_cast<size_t>(window.spatial) - 1;
  s.in_w = x[-1];
  s.kernel_w = window.kernel[last];
  s.stride_w = window.stride[last];
  s.dilation_w = window.dilation[last];
  s.pad_left = window.pad_begin[last];
  s.pad_right = window.pad_end[last];
  if (window.spatial == 2) {
    s.in_h = x[2];
    s.kernel_h = window.kernel[0];
    s.stride_h = window.stride[0];
    s.dilation_h = window.dilation[0];
    s.pad_top = window.pad_begin[0];
    s.pad_bottom = window.pad_end[0];
  }
  return s;
}

void infer_conv(InferContext& c) {
  const Type &x = c.input(0), &w = c.input(1);
  if (!x.ranked || !w.ranked) return c.set(0, Type::unranked(x.dtype));
  c.set(0, conv_type(c, x, w, c.has_input(2) ? &c.input(2) : nullptr));
}

Type conv_type(InferContext& c, const Type& x, const Type& w, const Type* bias) {
  if (x.rank() < 3) c.fail("X must have a batch, a channel and at least one spatial dimension");
  if (w.rank() != x.rank()) c.fail("X and W differ in rank");
  const int64_t groups = c.attributes.get_int("group", 1);
  if (groups < 1) c.fail("group is " + std::to_string(groups));
  const Dim channels = c.dims.mul(w.dim(1), groups);
  if (x.dim(1).is_constant() && channels.is_constant() && x.dim(1) != channels) {
    c.fail("W takes " + std::to_string(channels.value) + " channels in " + std::to_string(groups) + " groups, X has " + std::to_string(x.dim(1).value));
  }
  if (w.dim(0).is_constant() && w.dim(0).value % groups != 0) c.fail("the output channels do not divide into the groups");
  if (bias != nullptr) {
    const Type& b = *bias;
    if (b.ranked && (b.rank() != 1 || (b.dim(0).is_constant() && w.dim(0).is_constant() && b.dim(0) != w.dim(0)))) c.fail("the bias does not have one value per output channel");
  }
  std::vector<Dim> kernel(w.dims.begin() + 2, w.dims.end());
  const std::vector<int64_t> stated = c.attributes.get_ints("kernel_shape");
  if (!stated.empty() && stated.size() != kernel.size()) c.fail("kernel_shape has " + std::to_string(stated.size()) + " values");
  for (size_t i = 0; i < stated.size(); ++i) {
    if (kernel[i].is_constant() && kernel[i].value != stated[i]) c.fail("kernel_shape differs from the shape of W");
  }
  std::vector<Dim> dims = {x.dim(0), w.dim(0)};
  const std::vector<Dim> spatial = infer_window(c, kernel, std::span(x.dims).subspan(2), false);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  return Type(x.dtype, std::move(dims));
}

Cost cost_conv(const PlannedNode& n) {
  const Shape& w = n.input(1).shape;
  return {.operations = 2 * n.output(0).shape.count() * w.count(1)};
}

Binding bind_conv(const PlannedNode& n, const ConvEpilogue& epilogue) {
  if (is_conv_nd(n.input(0))) return bind_conv_nd(n, epilogue);
  for (const PlannedValue& v : n.inputs) {
    if (v.present && v.dtype != DType::kF32) n.unsupported("a convolution of other types than f32");
  }
  auto p = std::make_shared<ConvParams>();
  kernels::ConvArgs& args = p->args;
  args.shape = conv_shape(n, n.input(0).shape, n.input(1).shape);
  args.clamp = epilogue.clamp;
  args.lo = epilogue.lo;
  args.hi = epilogue.hi;
  p->isa = n.isa;
  p->residual_input = epilogue.residual_input;
  size_t scratch = 0;
  const auto through_scratch = [&](const PlannedValue& v, Layout to, kernels::CopyPlan& plan, size_t& bytes) {
    if (!needs_reorder(v)) return false;
    plan = reorder(v.shape, to, n.isa);
    bytes = aligned(v.bytes());
    scratch += bytes;
    return true;
  };
  p->reorder_x = through_scratch(n.input(0), Layout::kChannelsLast, p->x_in, p->x_bytes);
  p->reorder_y = through_scratch(n.output(0), Layout::kPlain, p->y_out, p->y_bytes);
  p->reorder_residual = epilogue.residual_input >= 0 && through_scratch(n.input(epilogue.residual_input), Layout::kChannelsLast, p->residual_in, p->residual_bytes);
  if (const Tensor* weights = n.input(1).constant) {
    p->packed = Tensor(DType::kU8, Shape{static_cast<int64_t>(kernels::conv_packed_bytes(n.isa, args.shape))});
    float* packed = static_cast<float*>(p->packed.mutable_data());
    kernels::conv_pack(n.isa, args.shape, weights->values<float>().data(), packed);
    args.packed = packed;
  }
  scratch += kernels::conv_scratch_bytes(n.isa, args.shape, args.packed != nullptr);
  return {run, p, scratch};
}

}  // namespace omni::ops
