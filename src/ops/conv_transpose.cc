// ConvTranspose (ai.onnx): the input gradient of a convolution as an operator. X[N, C, d1…], W[C, M/group, k1…], optional B[M] → Y[N, M, …].
#include "graph/grad_def.h"
#include "kernels/norm/norm.h"
#include "ops/conv_binding.h"
#include "ops/op_list.h"
#include "ops/plain_scratch.h"
#include "ops/spatial/conv_nd.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"W", 0, ParamKind::kWeight}, {"B", kOptional, ParamKind::kBias}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString},     {"dilations", AttributeKind::kInts},
                                        {"group", AttributeKind::kInt},           {"kernel_shape", AttributeKind::kInts},
                                        {"output_padding", AttributeKind::kInts}, {"output_shape", AttributeKind::kInts},
                                        {"pads", AttributeKind::kInts},           {"strides", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{22}, {11}, {1}};

struct Axis {
  int64_t stride, dilation, output_padding;
  int64_t pad_begin, pad_end;
  std::optional<int64_t> size;  // of the output, where stated
};

int64_t at(const std::vector<int64_t>& list, size_t i, int64_t fallback) { return i < list.size() ? list[i] : fallback; }

Axis axis_of(const Attributes& a, size_t i, size_t axes) {
  const std::vector<int64_t> pads = a.get_ints("pads"), shape = a.get_ints("output_shape");
  Axis x{at(a.get_ints("strides"), i, 1),
         at(a.get_ints("dilations"), i, 1),
         at(a.get_ints("output_padding"), i, 0),
         at(pads, i, 0),
         at(pads, i + axes, 0),
         {}};
  if (!shape.empty()) x.size = shape[i + shape.size() - axes];
  return x;
}

bool same(const Attributes& a) { return a.get_string("auto_pad", "").starts_with("SAME"); }

// Output size without padding: that of the window's last tap.
Dim reach(DimTable& dims, const Axis& x, Dim in, Dim kernel) {
  const Dim extent = dims.add(dims.mul(dims.sub(kernel, 1), x.dilation), 1);
  return dims.add(dims.add(dims.mul(dims.sub(in, 1), x.stride), extent), x.output_padding);
}

void check_attributes(const InferContext& c, size_t axes) {
  const auto list = [&](const char* name, size_t length, int64_t least) {
    const std::vector<int64_t> values = c.attributes.get_ints(name);
    if (!values.empty() && values.size() != length) c.fail("attribute " + std::string(name) + " has " + std::to_string(values.size()) + " values");
    for (const int64_t v : values) {
      if (v < least || v > INT32_MAX) c.fail("attribute " + std::string(name) + " holds " + std::to_string(v));
    }
  };
  list("strides", axes, 1);
  list("dilations", axes, 1);
  list("pads", 2 * axes, 0);
  list("output_padding", axes, 0);
  const std::vector<int64_t> shape = c.attributes.get_ints("output_shape");
  list("output_shape", shape.size() == axes + 2 ? axes + 2 : axes, 1);
  for (size_t i = 0; i < axes; ++i) {
    const Axis x = axis_of(c.attributes, i, axes);
    if (x.output_padding >= x.stride && x.output_padding >= x.dilation) c.fail("output_padding is not smaller than the stride");
  }
}

void infer(InferContext& c) {
  const Type &x = c.input(0), &w = c.input(1);
  if (!x.ranked || !w.ranked) return c.set(0, Type::unranked(x.dtype));
  if (x.rank() < 3 || w.rank() != x.rank()) c.fail("X and W must have a batch or channel, a channel and the same spatial dimensions");
  const size_t axes = static_cast<size_t>(x.rank()) - 2;
  check_attributes(c, axes);
  const int64_t groups = c.attributes.get_int("group", 1);
  if (groups < 1) c.fail("group is " + std::to_string(groups));
  if (x.dim(1).is_constant() && w.dim(0).is_constant() && x.dim(1) != w.dim(0))
    c.fail("X has " + std::to_string(x.dim(1).value) + " channels, W takes " + std::to_string(w.dim(0).value));
  if (w.dim(0).is_constant() && w.dim(0).value % groups != 0) c.fail("the channels do not divide into the groups");
  std::vector<Dim> dims = {x.dim(0), c.dims.mul(w.dim(1), groups)};
  for (size_t i = 0; i < axes; ++i) {
    const Axis a = axis_of(c.attributes, i, axes);
    const Dim in = x.dim(static_cast<int>(i) + 2), kernel = w.dim(static_cast<int>(i) + 2);
    Dim size = same(c.attributes) ? c.dims.mul(in, a.stride) : c.dims.sub(reach(c.dims, a, in, kernel), a.pad_begin + a.pad_end);
    if (a.size) size = Dim(*a.size);
    if (size.is_constant() && size.value < 1) c.fail("the padding leaves nothing of the output");
    dims.push_back(size);
  }
  c.set(0, Type(x.dtype, std::move(dims)));
}

// The window of the convolution whose input is Y and whose output is X.
Window window_of(const Attributes& attributes, const Shape& x, const Shape& w, const Shape& y) {
  const size_t axes = static_cast<size_t>(x.rank()) - 2;
  Window s;
  s.spatial = static_cast<int>(axes);
  for (size_t i = 0; i < axes; ++i) {
    Axis a = axis_of(attributes, i, axes);
    const int d = static_cast<int>(i) + 2;
    if (same(attributes) || a.size) {  // the padding follows from the sizes; where windows reach less far, the rest is empty
      const int64_t total = std::max<int64_t>(0, (x[d] - 1) * a.stride + a.output_padding + (w[d] - 1) * a.dilation + 1 - y[d]);
      const bool upper = attributes.get_string("auto_pad", "") == "SAME_UPPER";
      a.pad_begin = upper ? total / 2 : total - total / 2;
      a.pad_end = total - a.pad_begin;
    }
    s.kernel[i] = w[d];
    s.stride[i] = a.stride;
    s.dilation[i] = a.dilation;
    s.pad_begin[i] = a.pad_begin;
    // What makes the convolution of Y end at X's size.
    s.pad_end[i] = std::max<int64_t>(0, (x[d] - 1) * a.stride + (w[d] - 1) * a.dilation + 1 - y[d] - a.pad_begin);
    s.out[i] = x[d];
  }
  return s;
}

// The same for the f32 kernels; nothing where windows end so far before Y does that they would find another position.
std::optional<kernels::ConvShape> picture_shape(const PlannedNode& n, const Window& window) {
  const Shape &x = n.input(0).shape, &y = n.output(0).shape;
  const size_t axes = static_cast<size_t>(window.spatial);
  kernels::ConvShape s;
  s.images = x[0];
  s.in_c = y[1];
  s.out_c = x[1];
  s.groups = n.attributes.get_int("group", 1);
  for (size_t i = 0; i < axes; ++i) {
    const bool last = i + 1 == axes;
    (last ? s.in_w : s.in_h) = y[static_cast<int>(i) + 2];
    (last ? s.kernel_w : s.kernel_h) = window.kernel[i];
    (last ? s.stride_w : s.stride_h) = window.stride[i];
    (last ? s.dilation_w : s.dilation_h) = window.dilation[i];
    (last ? s.pad_left : s.pad_top) = window.pad_begin[i];
    (last ? s.pad_right : s.pad_bottom) = window.pad_end[i];
  }
  if (s.out_w() != x[-1] || (axes == 2 && s.out_h() != x[2])) return std::nullopt;
  return s;
}

Cost cost(const PlannedNode& n) { return {.operations = 2 * n.input(0).shape.count() * n.input(1).shape.count(1)}; }

struct Params {
  Isa isa;
  kernels::ConvShape shape;
  std::vector<float> ones;  // scale of the bias pass
  ThroughScratch x, y;
  size_t kernel_scratch;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::ConvGradArgs a;
  a.shape = p.shape;
  a.dy = p.x.in(k.inputs[0].data, k.scratch, *k.pool);
  a.weights = k.inputs[1].as<float>();
  a.dx = p.y.out(k.outputs[0].data, k.scratch);
  a.scratch = k.scratch + p.kernel_scratch;
  kernels::conv_input_grad(p.isa, a, *k.pool);
  if (k.inputs.size() > 2 && k.inputs[2].data != nullptr) {
    const kernels::NormShape pixels{p.shape.images * p.shape.in_h * p.shape.in_w, p.shape.in_c};
    kernels::scale_shift(p.isa, {pixels, a.dx, p.ones.data(), k.inputs[2].as<float>(), a.dx}, *k.pool);
  }
  p.y.finish(k.outputs[0].data, k.scratch, *k.pool);
}

Binding bind(const PlannedNode& n) {
  if (n.input(1).shape[0] != n.input(0).shape[1]) n.unsupported("X and W differ in channels");
  const int axes = n.input(0).shape.rank() - 2;
  if (axes > Window::kMaxSpatial) n.unsupported("a transposed convolution of " + std::to_string(axes) + " spatial dimensions");
  const Window window = window_of(n.attributes, n.input(0).shape, n.input(1).shape, n.output(0).shape);
  const std::optional<kernels::ConvShape> shape = is_conv_nd(n.input(0)) ? std::nullopt : picture_shape(n, window);
  if (!shape) return bind_conv_transpose_nd(n, window);
  for (const PlannedValue& v : n.inputs) {
    if (v.present && v.dtype != DType::kF32) n.unsupported("a convolution of this element type");
  }
  if (n.has_input(2) && n.input(2).shape.count() != n.output(0).shape[1]) n.unsupported("the bias does not have one value per output channel");
  auto p = std::make_shared<Params>();
  size_t scratch = 0;
  p->isa = n.isa;
  p->shape = *shape;
  p->ones.assign(static_cast<size_t>(p->shape.in_c), 1.0f);
  p->x = ThroughScratch(n.input(0), scratch);
  p->y = ThroughScratch(n.output(0), scratch);
  p->kernel_scratch = scratch;
  return {run, p, scratch + kernels::conv_input_grad_scratch_bytes(n.isa, p->shape)};
}

// dX is the convolution of dY by W, dW the convolution's weight gradient with X and dY exchanged.
std::vector<ValueId> gradient(GradContext& c) {
  Graph& g = c.graph;
  Attributes a = c.node.attributes;
  if (same(a) || a.has("output_shape")) {
    const auto x = g.type(c.input(0)).shape(), w = g.type(c.input(1)).shape(), y = g.type(c.output(0)).shape();
    if (!x || !w || !y || x->rank() > 2 + Window::kMaxSpatial) {
      throw Error(ErrorCode::kUnsupported, "ConvTranspose with auto_pad or output_shape has a gradient for fixed shapes only", c.node.name, "state its pads");
    }
    const Window window = window_of(a, *x, *w, *y);
    std::vector<int64_t> pads(window.pad_begin.begin(), window.pad_begin.begin() + window.spatial);
    pads.insert(pads.end(), window.pad_end.begin(), window.pad_end.begin() + window.spatial);
    a.set("pads", pads);
    a.erase("output_shape");
  }
  a.erase("output_padding");
  a.erase("auto_pad");
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (c.wants(0)) grads[0] = g.add1(kConv, {c.grad(), c.input(1)}, a);
  if (c.wants(1)) grads[1] = g.add1(kConvWeightGrad, {c.input(0), c.grad(), c.input(1)}, a);
  if (c.wants(2)) {
    std::vector<int64_t> axes = {0};
    for (int i = 2; i < g.type(c.grad()).rank(); ++i) axes.push_back(i);
    const ValueId list = g.add_constant("axes", Tensor::of<int64_t>(Shape{static_cast<int64_t>(axes.size())}, axes));
    grads[2] = g.add1(kReduceSum, {c.grad(), list}, {{"keepdims", int64_t{0}}});
  }
  return grads;
}

}  // namespace

constinit const OpDef kConvTranspose = {.name = "ConvTranspose",
                                        .inputs = kInputs,
                                        .outputs = kOutputs,
                                        .attributes = kAttributes,
                                        .versions = kVersions,
                                        .traits = kF16Safe,
                                        .layout = LayoutRule::kChannelsLast,
                                        .channels_last_inputs = 1,
                                        .channels_last_outputs = 1,
                                        .infer = infer,
                                        .cost = cost,
                                        .bind = bind};

extern const GradDef kConvTransposeGradient;
constinit const GradDef kConvTransposeGradient = {&kConvTranspose, gradient};

}  // namespace omni::ops
