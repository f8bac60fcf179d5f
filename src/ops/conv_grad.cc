// Gradients of Conv as operators of their own, and the rule that emits them.
//   ai.omni.ConvInputGrad(dY, W, X) → dX: X gives its shape only.
//   ai.omni.ConvWeightGrad(dY, X, W) → dW, dB (optional): W gives its shape only.
// Both carry Conv's attributes.
#include "graph/grad_def.h"
#include "kernels/norm/norm.h"
#include "ops/conv_binding.h"
#include "ops/forward_type.h"
#include "ops/op_list.h"
#include "ops/plain_scratch.h"
#include "ops/spatial/conv_nd.h"

namespace omni::ops {

namespace {

constexpr Formal kInputGradInputs[] = {{"dY"}, {"W"}, {"X"}};
constexpr Formal kInputGradOutputs[] = {{"dX"}};
constexpr Formal kWeightGradInputs[] = {{"dY"}, {"X"}, {"W"}};
constexpr Formal kWeightGradOutputs[] = {{"dW"}, {"dB", kOptional}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString}, {"dilations", AttributeKind::kInts},
                                        {"group", AttributeKind::kInt},       {"kernel_shape", AttributeKind::kInts},
                                        {"pads", AttributeKind::kInts},       {"strides", AttributeKind::kInts}};

void infer_input_grad(InferContext& c) {
  require_shape_of(c, 0, forward_type(c, kConv, {2, 1}));
  c.set(0, c.input(2));
}

void infer_weight_grad(InferContext& c) {
  const Type& w = c.input(2);
  require_shape_of(c, 0, forward_type(c, kConv, {1, 2}));
  c.set(0, w);
  if (!c.wants_output(1)) return;
  c.set(1, w.ranked ? Type(w.dtype, std::vector<Dim>{w.dim(0)}) : Type::unranked(w.dtype));
}

// Multiply-adds of the forward pass, each way again.
Cost cost(const PlannedNode& n, const Shape& w) { return {.operations = 2 * n.input(0).shape.count() * w.count(1)}; }
Cost cost_input_grad(const PlannedNode& n) { return cost(n, n.input(1).shape); }
Cost cost_weight_grad(const PlannedNode& n) { return cost(n, n.input(2).shape); }

struct Params {
  Isa isa;
  kernels::ConvGradArgs args;
  ThroughScratch dy, x, dx;
  size_t kernel_scratch, sums_scratch;  // offsets
};

void require_f32(const PlannedNode& n) {
  for (const PlannedValue& v : n.inputs) {
    if (v.present && v.dtype != DType::kF32) n.unsupported("a convolution of other types than f32");
  }
}

void run_input_grad(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::ConvGradArgs a = p.args;
  a.dy = p.dy.in(k.inputs[0].data, k.scratch, *k.pool);
  a.weights = k.inputs[1].as<float>();
  a.dx = p.dx.out(k.outputs[0].data, k.scratch);
  a.scratch = k.scratch + p.kernel_scratch;
  kernels::conv_input_grad(p.isa, a, *k.pool);
  p.dx.finish(k.outputs[0].data, k.scratch, *k.pool);
}

Binding bind_input_grad(const PlannedNode& n) {
  if (is_conv_nd(n.output(0))) return bind_input_grad_nd(n);
  require_f32(n);
  auto p = std::make_shared<Params>();
  size_t scratch = 0;
  p->isa = n.isa;
  p->args.shape = conv_shape(n, n.output(0).shape, n.input(1).shape);
  p->dy = ThroughScratch(n.input(0), scratch);
  p->dx = ThroughScratch(n.output(0), scratch);
  p->kernel_scratch = scratch;
  scratch += kernels::conv_input_grad_scratch_bytes(n.isa, p->args.shape);
  return {run_input_grad, p, scratch};
}

kernels::NormShape pixels(const kernels::ConvShape& s) { return {s.images * s.out_h() * s.out_w(), s.out_c}; }

void run_weight_grad(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::ConvGradArgs a = p.args;
  a.dy = p.dy.in(k.inputs[0].data, k.scratch, *k.pool);
  a.x = p.x.in(k.inputs[1].data, k.scratch, *k.pool);
  a.dw = k.outputs[0].as<float>();
  a.scratch = k.scratch + p.kernel_scratch;
  kernels::conv_weight_grad(p.isa, a, *k.pool);
  if (k.outputs.size() < 2 || k.outputs[1].data == nullptr) return;
  kernels::column_sums(p.isa, pixels(a.shape), a.dy, k.outputs[1].as<float>(), k.scratch + p.sums_scratch, *k.pool);
}

Binding bind_weight_grad(const PlannedNode& n) {
  if (is_conv_nd(n.input(1))) return bind_weight_grad_nd(n);
  require_f32(n);
  auto p = std::make_shared<Params>();
  size_t scratch = 0;
  p->isa = n.isa;
  p->args.shape = conv_shape(n, n.input(1).shape, n.output(0).shape);
  p->dy = ThroughScratch(n.input(0), scratch);
  p->x = ThroughScratch(n.input(1), scratch);
  p->kernel_scratch = scratch;
  scratch += (kernels::conv_weight_grad_scratch_bytes(n.isa, p->args.shape) + 63) / 64 * 64;
  p->sums_scratch = scratch;
  if (n.has_output(1)) scratch += kernels::norm_scratch_bytes(pixels(p->args.shape));
  return {run_weight_grad, p, scratch};
}

std::vector<ValueId> gradient(GradContext& c) {
  const Attributes& attributes = c.node.attributes;
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (c.wants(0)) grads[0] = c.graph.add1(kConvInputGrad, {c.grad(), c.input(1), c.input(0)}, attributes);
  if (!c.wants(1) && !c.wants(2)) return grads;
  const std::vector<ValueId> d = c.graph.add(kConvWeightGrad, {c.grad(), c.input(0), c.input(1)}, attributes, {.output_count = c.wants(2) ? 2 : 1});
  if (c.wants(1)) grads[1] = d[0];
  if (c.wants(2)) grads[2] = d[1];
  return grads;
}

}  // namespace

constinit const OpDef kConvInputGrad = {.name = "ConvInputGrad",
                                        .domain = "ai.omni",
                                        .inputs = kInputGradInputs,
                                        .outputs = kInputGradOutputs,
                                        .attributes = kAttributes,
                                        .layout = LayoutRule::kChannelsLast,
                                        .channels_last_inputs = 1 | 4,
                                        .channels_last_outputs = 1,
                                        .infer = infer_input_grad,
                                        .cost = cost_input_grad,
                                        .bind = bind_input_grad};

constinit const OpDef kConvWeightGrad = {.name = "ConvWeightGrad",
                                         .domain = "ai.omni",
                                         .inputs = kWeightGradInputs,
                                         .outputs = kWeightGradOutputs,
                                         .attributes = kAttributes,
                                         .layout = LayoutRule::kChannelsLast,
                                         .channels_last_inputs = 1 | 2,
                                         .infer = infer_weight_grad,
                                         .cost = cost_weight_grad,
                                         .bind = bind_weight_grad};

extern const GradDef kConvGradient;
constinit const GradDef kConvGradient = {&kConv, gradient};

}  // namespace omni::ops
