// Resize (ai.onnx) and Upsample, its form before opset 10. Scales or sizes must be known when the graph is planned.
#include "kernels/resize/resize.h"
#include "kernels/resize/resize_bytes.h"

#include <algorithm>
#include <cmath>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/elementwise.h"
#include "ops/vision/crop_and_resize.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"roi", kOptional}, {"scales", kOptional}, {"sizes", kOptional}};
constexpr Formal kUpsampleInputs[] = {{"X"}, {"scales"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr Formal kGradInputs[] = {{"dY"}, {"X"}, {"scales", kOptional}};
constexpr Formal kGradOutputs[] = {{"dX"}};
constexpr AttributeDef kAttributes[] = {{"mode", AttributeKind::kString},
                                        {"coordinate_transformation_mode", AttributeKind::kString},
                                        {"nearest_mode", AttributeKind::kString},
                                        {"cubic_coeff_a", AttributeKind::kFloat},
                                        {"exclude_outside", AttributeKind::kInt},
                                        {"extrapolation_value", AttributeKind::kFloat},
                                        {"antialias", AttributeKind::kInt},
                                        {"axes", AttributeKind::kInts},
                                        {"keep_aspect_ratio_policy", AttributeKind::kString}};
constexpr AttributeDef kUpsampleAttributes[] = {{"mode", AttributeKind::kString}};

void upgrade_from_10(Graph&, NodeDraft& draft) {
  require_inputs(draft, 2);
  draft.inputs = {draft.inputs[0], kNone, draft.inputs[1]};
  draft.attributes.set("coordinate_transformation_mode", "asymmetric");
  draft.attributes.set("nearest_mode", "floor");
}

void lower_to_13(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("antialias", 0) != 0 || draft.attributes.has("axes")) {
    throw Error(ErrorCode::kUnsupported, "antialias and axes do not exist in this opset", draft.name);
  }
  for (const char* name : {"antialias", "keep_aspect_ratio_policy"}) draft.attributes.erase(name);
}

constexpr OpVersion kVersions[] = {{19}, {18}, {13, nullptr, lower_to_13}, {11}, {10, upgrade_from_10}};

void upgrade_scales(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  std::vector<float> scales = draft.attributes.get_floats("scales");
  if (draft.attributes.has("width_scale") || draft.attributes.has("height_scale")) {  // opset 1: images only
    scales = {1, 1, draft.attributes.get_float("height_scale", 1), draft.attributes.get_float("width_scale", 1)};
  }
  draft.inputs = {draft.inputs[0], graph.add_constant(draft.name + ".scales", Tensor::of<float>(Shape{static_cast<int64_t>(scales.size())}, scales))};
  for (const char* name : {"scales", "width_scale", "height_scale"}) draft.attributes.erase(name);
  if (draft.attributes.get_string("mode", "") == "bilinear") draft.attributes.set("mode", "linear");
}

constexpr OpVersion kUpsampleVersions[] = {{10}, {9}, {7, upgrade_scales}, {1, upgrade_scales}};

// Scales and sizes as tensors, an empty one being absent.
const Tensor* given(const Tensor* t) { return t != nullptr && t->count() != 0 ? t : nullptr; }

// The axes that scales and sizes speak of.
std::vector<int> axes_of(const Attributes& attributes, int rank) {
  std::vector<int> axes;
  for (const int64_t a : attributes.get_ints("axes")) axes.push_back(static_cast<int>(a < 0 ? a + rank : a));
  if (!attributes.has("axes")) {
    for (int d = 0; d < rank; ++d) axes.push_back(d);
  }
  return axes;
}

// Beyond 2^31 any size is as refused as another.
int64_t bounded(double size) { return static_cast<int64_t>(std::clamp(size, 0.0, 4294967296.0)); }

// Sizes under keep_aspect_ratio_policy: one scale for all axes.
std::vector<int64_t> fitted_sizes(const Attributes& attributes, std::vector<int64_t> sizes, const std::vector<int64_t>& in) {
  const std::string_view policy = attributes.get_string("keep_aspect_ratio_policy", "stretch");
  if (policy == "stretch") return sizes;
  double scale = policy == "not_larger" ? INFINITY : 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const double s = static_cast<double>(sizes[i]) / static_cast<double>(in[i]);
    scale = policy == "not_larger" ? std::min(scale, s) : std::max(scale, s);
  }
  for (size_t i = 0; i < sizes.size(); ++i) sizes[i] = bounded(std::floor(scale * static_cast<double>(in[i]) + 0.5));
  return sizes;
}

Dim scaled(DimTable& dims, Dim d, float scale) {
  if (d.is_constant()) return bounded(std::floor(static_cast<double>(d.value) * static_cast<double>(scale)));
  if (scale >= 1 && scale < 1e6f && scale == std::floor(scale)) return dims.mul(d, static_cast<int64_t>(scale));
  return dims.fresh();
}

void infer_scales(InferContext& c, const Tensor* scales, const Contents* sizes) {
  const Type& x = c.input(0);
  const std::vector<int> axes = axes_of(c.attributes, x.rank());
  for (const int a : axes) {
    if (a < 0 || a >= x.rank()) c.fail("axes has an axis outside the input");
  }
  Type type = x;
  if (scales != nullptr) {
    if (scales->dtype() != DType::kF32 || scales->count() != static_cast<int64_t>(axes.size())) c.fail("there is not one f32 scale an axis");
    for (size_t i = 0; i < axes.size(); ++i) {
      const float s = scales->values<float>()[i];
      if (!(s > 0) || s > 1e6f) c.fail("a scale is not above 0");
      Dim& d = type.dims[static_cast<size_t>(axes[i])];
      d = scaled(c.dims, d, s);
    }
  } else if (sizes != nullptr) {
    if (sizes->size() != axes.size()) c.fail("there is not one size an axis");
    const bool stretch = c.attributes.get_string("keep_aspect_ratio_policy", "stretch") == "stretch";
    std::vector<int64_t> wanted, in;
    bool known = true;
    for (size_t i = 0; i < axes.size(); ++i) {
      const Dim d = x.dim(axes[i]);
      known = known && (*sizes)[i].is_constant() && d.is_constant() && d.value > 0;
      wanted.push_back((*sizes)[i].value);
      in.push_back(d.value);
    }
    if (known) wanted = fitted_sizes(c.attributes, std::move(wanted), in);
    for (size_t i = 0; i < axes.size(); ++i) {
      if ((*sizes)[i].is_constant() && (*sizes)[i].value < 0) c.fail("a size is negative");
      type.dims[static_cast<size_t>(axes[i])] = known ? Dim(wanted[i]) : stretch ? (*sizes)[i] : c.dims.fresh();
    }
  } else {
    for (const int a : axes) type.dims[static_cast<size_t>(a)] = c.dims.fresh();
  }
  for (const Dim d : type.dims) {
    if (d.is_constant() && d.value > INT32_MAX) c.fail("the result has a dimension beyond 2^31");
  }
  c.set(0, std::move(type));
}

void infer(InferContext& c) {
  if (!c.input(0).ranked) return c.set(0, Type::unranked(c.input(0).dtype));
  const Contents* sizes = c.contents(3);
  infer_scales(c, given(c.constant(2)), sizes != nullptr && !sizes->empty() ? sizes : nullptr);
}

void infer_upsample(InferContext& c) {
  if (!c.input(0).ranked) return c.set(0, Type::unranked(c.input(0).dtype));
  infer_scales(c, given(c.constant(1)), nullptr);
}

bool is_crop(const Attributes& a) { return a.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize"; }

kernels::ResizeOptions options_of(const PlannedNode& n) {
  kernels::ResizeOptions o;
  const Attributes& a = n.attributes;
  const std::string_view mode = a.get_string("mode", "nearest"), coordinates = a.get_string("coordinate_transformation_mode", "half_pixel");
  const std::string_view nearest = a.get_string("nearest_mode", "round_prefer_floor");
  o.mode = mode == "nearest" ? kernels::ResizeMode::kNearest : mode == "linear" ? kernels::ResizeMode::kLinear : kernels::ResizeMode::kCubic;
  if (mode != "nearest" && mode != "linear" && mode != "cubic") n.unsupported("mode " + quoted(mode));
  if (coordinates == "half_pixel_symmetric")
    o.coordinates = kernels::ResizeCoordinates::kHalfPixelSymmetric;
  else if (coordinates == "pytorch_half_pixel")
    o.coordinates = kernels::ResizeCoordinates::kPytorchHalfPixel;
  else if (coordinates == "asymmetric")
    o.coordinates = kernels::ResizeCoordinates::kAsymmetric;
  else if (coordinates == "align_corners")
    o.coordinates = kernels::ResizeCoordinates::kAlignCorners;
  else if (coordinates == "tf_half_pixel_for_nn")
    o.coordinates = kernels::ResizeCoordinates::kTfHalfPixelForNn;
  else if (coordinates != "half_pixel" && !is_crop(a))
    n.unsupported("coordinate_transformation_mode " + quoted(coordinates));
  if (nearest == "round_prefer_ceil")
    o.nearest = kernels::ResizeNearest::kRoundPreferCeil;
  else if (nearest == "floor")
    o.nearest = kernels::ResizeNearest::kFloor;
  else if (nearest == "ceil")
    o.nearest = kernels::ResizeNearest::kCeil;
  else if (nearest != "round_prefer_floor")
    n.unsupported("nearest_mode " + quoted(nearest));
  o.cubic_coefficient = static_cast<double>(a.get_float("cubic_coeff_a", -0.75f));
  o.antialias = a.get_int("antialias", 0) != 0;
  o.exclude_outside = a.get_int("exclude_outside", 0) != 0;
  return o;
}

void run(const KernelArgs& args) noexcept {
  kernels::run_resize(*static_cast<const kernels::ResizePlan*>(args.params), args.inputs[0].data, args.outputs[0].data, args.scratch, *args.pool);
}

// What resampling `x` to the shape of `y` takes; the node's attributes say how.
std::shared_ptr<kernels::ResizePlan> plan_scaled(const PlannedNode& n, const PlannedValue& x, const PlannedValue& y, const Tensor* scales,
                                                 const kernels::ResizeOptions& options) {
  const bool nearest = options.mode == kernels::ResizeMode::kNearest;
  if (nearest ? dtype_bits(x.dtype) < 8 : x.dtype != DType::kF32 && x.dtype != DType::kF64) n.unsupported("no kernel for this element type");
  const int rank = x.shape.rank();
  const std::vector<int> axes = axes_of(n.attributes, rank);
  auto plan = std::make_shared<kernels::ResizePlan>();
  plan->in = x.physical();
  plan->element_size = dtype_size(x.dtype);
  if (y.shape.count() == 0) return plan;
  if (x.shape.count() == 0) n.unsupported("an empty tensor has nothing to resize");
  for (int d = 0; d < rank; ++d) {
    const auto listed = std::find(axes.begin(), axes.end(), d);
    double scale = static_cast<double>(y.shape[d]) / static_cast<double>(x.shape[d]);
    if (scales != nullptr && listed != axes.end()) scale = static_cast<double>(scales->values<float>()[static_cast<size_t>(listed - axes.begin())]);
    if (y.shape[d] == x.shape[d] && scale == 1) continue;
    plan->axes.push_back(kernels::plan_resize_axis(physical_axis(d, rank, x.layout), x.shape[d], y.shape[d], scale, options));
  }
  return plan;
}

// The factor of dimension d: as stated, else by the sizes.
float scale_of(const PlannedNode& n, const Tensor* scales, const std::vector<int>& axes, int d) {
  const auto listed = std::find(axes.begin(), axes.end(), d);
  if (scales != nullptr && listed != axes.end()) return scales->values<float>()[static_cast<size_t>(listed - axes.begin())];
  return static_cast<float>(n.output(0).shape[d]) / static_cast<float>(n.input(0).shape[d]);
}

void run_bytes(const KernelArgs& args) noexcept {
  kernels::run_resize_bytes(*static_cast<const kernels::ResizeBytesPlan*>(args.params), args.inputs[0].data, args.outputs[0].data, *args.pool);
}

// Linear on bytes: a picture's or a volume's dimensions are one cell, also those that stay.
Binding bind_bytes(const PlannedNode& n, const Tensor* scales, const kernels::ResizeOptions& options) {
  const PlannedValue &x = n.input(0), &y = n.output(0);
  if (options.antialias || options.exclude_outside) n.unsupported("bytes are not resized with antialias or exclude_outside");
  if (x.shape.count() == 0) n.unsupported("an empty tensor has nothing to resize");
  const int rank = x.shape.rank(), first = rank > 3 ? 2 : 0;
  const std::vector<int> axes = axes_of(n.attributes, rank);
  auto plan = std::make_shared<kernels::ResizeBytesPlan>();
  plan->in = x.physical();
  plan->out = y.physical();
  plan->is_signed = x.dtype == DType::kI8;
  for (int d = 0; d < rank; ++d) {
    const float scale = scale_of(n, scales, axes, d);
    if (d < first && x.shape[d] == y.shape[d] && scale == 1) continue;
    plan->axes.push_back(kernels::plan_linear_axis(physical_axis(d, rank, x.layout), x.shape[d], y.shape[d], scale, options.coordinates));
  }
  if (plan->axes.empty() || plan->axes.size() > kernels::kMaxLinearAxes) n.unsupported("bytes are resized along one to three axes");
  std::sort(plan->axes.begin(), plan->axes.end(), [](const kernels::LinearAxis& a, const kernels::LinearAxis& b) { return a.axis < b.axis; });
  return {run_bytes, plan, 0};
}

Binding bind_scaled(const PlannedNode& n, const Tensor* scales, const kernels::ResizeOptions& options) {
  if (n.output(0).shape.count() == 0) return {[](const KernelArgs&) noexcept {}, nullptr, 0};
  const bool bytes = n.input(0).dtype == DType::kI8 || n.input(0).dtype == DType::kU8;
  if (bytes && options.mode == kernels::ResizeMode::kLinear) return bind_bytes(n, scales, options);
  const auto plan = plan_scaled(n, n.input(0), n.output(0), scales, options);
  return {run, plan, kernels::resize_scratch_bytes(*plan)};
}

Binding bind(const PlannedNode& n) {
  if (is_crop(n.attributes)) return bind_crop_and_resize(n, axes_of(n.attributes, n.input(0).shape.rank()), options_of(n));
  return bind_scaled(n, n.has_input(2) ? given(n.input(2).constant) : nullptr, options_of(n));
}

Binding bind_upsample(const PlannedNode& n) {
  kernels::ResizeOptions options = options_of(n);
  options.coordinates = kernels::ResizeCoordinates::kAsymmetric;
  options.nearest = kernels::ResizeNearest::kFloor;
  return bind_scaled(n, given(n.input(1).constant), options);
}

// ai.omni.ResizeGrad(dY, X, scales): X gives its shape only; carries the attributes of Resize.
void infer_grad(InferContext& c) {
  if (c.input(0).dtype != c.input(1).dtype) c.fail("dY and X have different element types");
  c.set(0, c.input(1));
}

void run_grad(const KernelArgs& args) noexcept {
  kernels::run_resize_grad(*static_cast<const kernels::ResizePlan*>(args.params), args.inputs[0].data, args.outputs[0].data, args.scratch, *args.pool);
}

Binding bind_grad(const PlannedNode& n) {
  const PlannedValue& x = n.input(1);
  if (x.dtype != DType::kF32 && x.dtype != DType::kF64) n.unsupported("no kernel for this element type");
  if (n.input(0).shape.rank() != x.shape.rank()) n.unsupported("dY and X differ in rank");
  if (n.input(0).shape.count() == 0 || x.shape.count() == 0) n.unsupported("an empty tensor has nothing to resize");
  const auto plan = plan_scaled(n, x, n.input(0), n.has_input(2) ? given(n.input(2).constant) : nullptr, options_of(n));
  return {run_grad, plan, kernels::resize_scratch_bytes(*plan)};
}

std::vector<ValueId> gradient_with(GradContext& c, ValueId scales, Attributes attributes) {
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (attributes.get_string("coordinate_transformation_mode", "") == "tf_crop_and_resize") return grads;
  if (scales != kNone && c.graph.type(scales).is_static() && c.graph.type(scales).shape()->count() == 0) scales = kNone;
  grads[0] = c.graph.add1(kResizeGrad, {c.grad(), c.input(0), scales}, std::move(attributes));
  return grads;
}

std::vector<ValueId> gradient(GradContext& c) { return gradient_with(c, c.input(2), c.node.attributes); }
std::vector<ValueId> upsample_gradient(GradContext& c) {
  Attributes attributes = c.node.attributes;
  attributes.set("coordinate_transformation_mode", "asymmetric");
  attributes.set("nearest_mode", "floor");
  return gradient_with(c, c.input(1), std::move(attributes));
}

Cost cost(const PlannedNode& n) {
  const bool nearest = n.attributes.get_string("mode", "nearest") == "nearest";
  return {nearest ? 0 : n.output(0).shape.count() * 8, static_cast<int64_t>(n.input(0).bytes() + n.output(0).bytes())};
}

}  // namespace

constinit const OpDef kResize = {.name = "Resize",
                                 .inputs = kInputs,
                                 .outputs = kOutputs,
                                 .attributes = kAttributes,
                                 .versions = kVersions,
                                 .traits = kF16Safe,
                                 .layout = LayoutRule::kAny,
                                 .infer = infer,
                                 .cost = cost,
                                 .bind = bind};

constinit const OpDef kUpsample = {.name = "Upsample",
                                   .inputs = kUpsampleInputs,
                                   .outputs = kOutputs,
                                   .attributes = kUpsampleAttributes,
                                   .versions = kUpsampleVersions,
                                   .layout = LayoutRule::kAny,
                                   .infer = infer_upsample,
                                   .cost = cost,
                                   .bind = bind_upsample};

constinit const OpDef kResizeGrad = {.name = "ResizeGrad",
                                     .domain = "ai.omni",
                                     .inputs = kGradInputs,
                                     .outputs = kGradOutputs,
                                     .attributes = kAttributes,
                                     .infer = infer_grad,
                                     .cost = cost,
                                     .bind = bind_grad};

extern const GradDef kResizeGradient, kUpsampleGradient;
constinit const GradDef kResizeGradient = {.op = &kResize, .rule = gradient};
constinit const GradDef kUpsampleGradient = {.op = &kUpsample, .rule = upsample_gradient};

}  // namespace omni::ops
