// ai.omni.QAdd and QMul: sum and product of two quantized tensors in the output's step, with NumPy broadcasting.
#include "core/kernel_args.h"
#include "kernels/elementwise_int8/elementwise_int8.h"
#include "ops/elementwise.h"
#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"a"}, {"b"}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"a_scale", AttributeKind::kFloat, true},
                                        {"a_zero", AttributeKind::kInt},
                                        {"b_scale", AttributeKind::kFloat, true},
                                        {"b_zero", AttributeKind::kInt},
                                        OMNI_Q_RESULT};

void infer(InferContext& c) {
  require_bytes(c, 0);
  require_bytes(c, 1);
  c.set(0, broadcast_type(c, q_result_type(c, false)));
}

struct Params {
  Isa isa;
  kernels::BinaryInt8 op;
  Shape a, b, y;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::binary_int8(p.isa, p.op, args.inputs[0].data, p.a, args.inputs[1].data, p.b, args.outputs[0].data, p.y, *args.pool);
}

template <bool kMultiply>
Binding bind(const PlannedNode& n) {
  const TensorScale a = tensor_scale(n, "a"), b = tensor_scale(n, "b"), y = tensor_scale(n, "y");
  kernels::BinaryInt8 op;
  op.multiply = kMultiply;
  op.a_signed = n.input(0).dtype == DType::kI8;
  op.b_signed = n.input(1).dtype == DType::kI8;
  op.za = a.zero;
  op.zb = b.zero;
  op.ma = kMultiply ? kernels::product_multiplier(a.scale, b.scale, y.scale) : kernels::ratio_multiplier(a.scale, y.scale);
  op.mb = kernels::ratio_multiplier(b.scale, y.scale);
  op.y = q_range(n, "y");
  const PlannedValue& out = n.output(0);
  return {run, std::make_shared<Params>(Params{n.isa, op, physical_operand(n.input(0), out), physical_operand(n.input(1), out), out.physical()}), 0};
}

constexpr OpDef row(std::string_view name, Binding (*bind_fn)(const PlannedNode&)) {
  return {.name = name,
          .domain = "ai.omni",
          .inputs = kInputs,
          .outputs = kOutputs,
          .attributes = kAttributes,
          .traits = kElementwise,
          .layout = LayoutRule::kAny,
          .infer = infer,
          .bind = bind_fn};
}

}  // namespace

constinit const OpDef kQAdd = row("QAdd", bind<false>);
constinit const OpDef kQMul = row("QMul", bind<true>);

}  // namespace omni::ops
