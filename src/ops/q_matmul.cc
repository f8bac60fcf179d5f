// ai.omni.QMatMul: y = requantize((a - a_zero)(b - b_zero)) of two activations, batched as NumPy's matmul; f32 results scaled by a_scale * b_scale.
#include "core/kernel_args.h"
#include "kernels/gemm_int8/runtime_weights.h"
#include "kernels/quantize/quantize.h"
#include "ops/integer_matmul.h"
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
  c.set(0, infer_matmul_int8(c, q_result_type(c, true)));
}

Cost cost(const PlannedNode& n) { return {.operations = 2 * n.output(0).shape.count() * n.input(0).shape[-1]}; }

struct Params {
  MatMulShape shape;
  TensorScale a, b;
  bool floats;
  float multiplier;
  kernels::ByteRange range;
  const kernels::QuantizeKernels* quantize;
  kernels::Int8RuntimeProduct product;
};

constexpr int64_t kTask = 16 << 10;  // elements

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const MatMulShape& s = p.shape;
  const int64_t count = s.m * s.n;
  int32_t* sums = reinterpret_cast<int32_t*>(args.scratch + p.product.scratch_bytes());
  for (int64_t i = 0; i < s.count(); ++i) {
    p.product.run(args.inputs[0].as<uint8_t>() + s.a_at(i) * s.m * s.k, p.a.zero, args.inputs[1].as<uint8_t>() + s.b_at(i) * s.k * s.n, &p.b.zero,
                  false, sums, args.scratch, *args.pool);
    args.pool->parallel_for((count + kTask - 1) / kTask, [&](int64_t t) {
      const int64_t begin = t * kTask, n = std::min(kTask, count - begin);
      if (!p.floats) return p.quantize->requantize(sums + begin, n, p.multiplier, p.range, args.outputs[0].as<uint8_t>() + i * count + begin);
      float* y = args.outputs[0].as<float>() + i * count + begin;
      for (int64_t j = 0; j < n; ++j) y[j] = static_cast<float>(sums[begin + j]) * p.multiplier;
    });
  }
}

Binding bind(const PlannedNode& n) {
  const MatMulShape s = matmul_shape(n.input(0).shape, n.input(1).shape);
  const TensorScale a = tensor_scale(n, "a"), b = tensor_scale(n, "b"), y = tensor_scale(n, "y");
  const bool floats = n.output(0).dtype == DType::kF32;
  const float multiplier = floats ? kernels::product_scale(a.scale, b.scale) : kernels::product_multiplier(a.scale, b.scale, y.scale);
  auto p = std::make_shared<Params>(
      Params{s, a, b, floats, multiplier, q_range(n, "y"), &kernels::select_quantize(n.isa),
             kernels::Int8RuntimeProduct(n.isa, s.m, s.k, s.n, n.input(0).dtype == DType::kI8, n.input(1).dtype == DType::kI8)});
  return {run, p, p->product.scratch_bytes() + static_cast<size_t>(s.m * s.n) * 4};
}

}  // namespace

constinit const OpDef kQMatMul = {.name = "QMatMul",
                                  .domain = "ai.omni",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAttributes,
                                  .infer = infer,
                                  .cost = cost,
                                  .bind = bind};

}  // namespace omni::ops
