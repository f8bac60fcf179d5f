// ai.omni.QConv: integer convolution with everything around it: y = requantize(conv(x - x_zero, w - w_zero) + bias), clamped, and, with a residual,
// the quantized Add that followed: y = add(result, residual) in (sum_scale, sum_zero, sum_type), residual in (residual_scale, residual_zero).
#include "kernels/conv_int8/conv_int8.h"
#include "ops/conv_binding.h"
#include "ops/integer_conv.h"
#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"w"}, {"w_scale"}, {"w_zero", kOptional}, {"bias", kOptional}, {"residual", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString},   {"dilations", AttributeKind::kInts},
                                        {"group", AttributeKind::kInt},         {"kernel_shape", AttributeKind::kInts},
                                        {"pads", AttributeKind::kInts},         {"residual_scale", AttributeKind::kFloat},
                                        {"residual_zero", AttributeKind::kInt}, {"strides", AttributeKind::kInts},
                                        {"sum_high", AttributeKind::kInt},      {"sum_low", AttributeKind::kInt},
                                        {"sum_scale", AttributeKind::kFloat},   {"sum_type", AttributeKind::kInt},
                                        {"sum_zero", AttributeKind::kInt},      {"x_scale", AttributeKind::kFloat, true},
                                        {"x_zero", AttributeKind::kInt},        OMNI_Q_RESULT};

constexpr int kResidual = 5;

void infer(InferContext& c) {
  require_bytes(c, 0);
  require_bytes(c, 1);
  const bool residual = c.has_input(kResidual);
  if (residual) require_bytes(c, kResidual);
  const DType dtype = q_result_type(c, !residual, residual ? "sum_type" : "y_type");
  c.set(0, infer_conv_int8(c, dtype));
}

struct Params {
  kernels::ConvInt8 conv;
  QOrder x, y, residual;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const void* x = p.x.in(k.inputs[0].data, k.scratch, *k.pool);
  const void* residual = k.inputs.size() > kResidual ? k.inputs[kResidual].data : nullptr;
  if (residual != nullptr) residual = p.residual.in(residual, k.scratch, *k.pool);
  void* const y = k.outputs[0].data;
  p.conv.run(x, residual, p.y.out(y, k.scratch), *k.pool);
  p.y.finish(y, k.scratch, *k.pool);
}

Binding bind(const PlannedNode& n) {
  const Tensor* w = n.input(1).constant;
  if (w == nullptr) n.unsupported("weights that are not constant");
  kernels::Int8Quantization q = q_product(n, w->shape()[0], 2, 4);
  if (n.has_input(kResidual)) {
    const TensorScale y = tensor_scale(n, "y"), other = tensor_scale(n, "residual"), sum = tensor_scale(n, "sum");
    q.residual = true;
    q.residual_signed = n.input(kResidual).dtype == DType::kI8;
    q.residual_zero = other.zero;
    q.ma = kernels::ratio_multiplier(y.scale, sum.scale);
    q.mb = kernels::ratio_multiplier(other.scale, sum.scale);
    q.sum = q_range(n, "sum");
    if (n.input(kResidual).shape != n.output(0).shape) n.unsupported("a residual of another shape");
  }
  const std::vector<int32_t> zeros = q_weight_zeros(n, w->shape()[0], 3);
  const kernels::ConvInt8Weights weights{w->data(), w->dtype() == DType::kI8, zeros.empty() ? nullptr : zeros.data(), zeros.size() > 1};
  const kernels::ConvInt8Shape shape = conv_int8_shape(n);
  size_t scratch = 0;
  QOrder x(n.input(0), n.isa, scratch), y(n.output(0), n.isa, scratch), residual;
  if (n.has_input(kResidual)) residual = QOrder(n.input(kResidual), n.isa, scratch);
  return {run, std::make_shared<Params>(Params{kernels::ConvInt8(n.isa, shape, weights, q), x, y, residual}), scratch};
}

}  // namespace

constinit const OpDef kQConv = {.name = "QConv",
                                .domain = "ai.omni",
                                .inputs = kInputs,
                                .outputs = kOutputs,
                                .attributes = kAttributes,
                                .layout = LayoutRule::kChannelsLast,
                                .channels_last_inputs = 1 | 1 << kResidual,
                                .channels_last_outputs = 1,
                                .infer = infer,
                                .cost = cost_conv,
                                .bind = bind};

}  // namespace omni::ops
