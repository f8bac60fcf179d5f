// ai.omni.QGemm: y = requantize((x - x_zero)(w - w_zero) + bias), x of any rank times constant weights [K, N] ([N, K] with transB).
#include "core/kernel_args.h"
#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"w"}, {"w_scale"}, {"w_zero", kOptional}, {"bias", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {
    {"transB", AttributeKind::kInt}, {"x_scale", AttributeKind::kFloat, true}, {"x_zero", AttributeKind::kInt}, OMNI_Q_RESULT};

bool transposed(const Attributes& a) { return a.get_int("transB", 0) != 0; }

void infer(InferContext& c) {
  require_bytes(c, 0);
  require_bytes(c, 1);
  const Type &x = c.input(0), &w = c.input(1);
  const DType dtype = q_result_type(c, true);
  if (!x.ranked || !w.ranked) return c.set(0, Type::unranked(dtype));
  if (x.rank() < 1 || w.rank() != 2) c.fail("w must be a matrix");
  const Dim k = w.dim(transposed(c.attributes) ? 1 : 0);
  if (x.dim(-1).is_constant() && k.is_constant() && x.dim(-1) != k) {
    c.fail("the rows of x have " + std::to_string(x.dim(-1).value) + " elements, w takes " + std::to_string(k.value));
  }
  std::vector<Dim> dims = x.dims;
  dims.back() = w.dim(transposed(c.attributes) ? 0 : 1);
  c.set(0, Type(dtype, std::move(dims)));
}

Cost cost(const PlannedNode& n) { return {.operations = 2 * n.output(0).shape.count() * n.input(0).shape[-1]}; }

struct Params {
  kernels::PreparedInt8 prepared;
  bool x_signed;
  int64_t rows, k, n;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::Int8GemmArgs g = p.prepared.arguments();
  g.a = kernels::Int8Rows::matrix(args.inputs[0].data, p.x_signed, p.rows, p.k, p.k);
  g.out = args.outputs[0].data;
  g.out_stride = p.n;
  kernels::gemm_int8(g, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const Tensor* w = n.input(1).constant;
  if (w == nullptr) n.unsupported("weights that are not constant");
  const bool by_rows = transposed(n.attributes);
  const int64_t columns = w->shape()[by_rows ? 0 : 1], k = w->shape()[by_rows ? 1 : 0];
  const kernels::Int8Quantization q = q_product(n, columns, 2, 4);
  const std::vector<int32_t> zeros = q_weight_zeros(n, columns, 3);
  const kernels::Int8Matrix matrix{
      w->data(), w->dtype() == DType::kI8, by_rows ? k : 1, by_rows ? 1 : columns, zeros.empty() ? nullptr : zeros.data(), zeros.size() > 1};
  return {run,
          std::make_shared<Params>(Params{kernels::prepare_int8(n.isa, matrix, columns, k, q), q.x_signed,
                                          n.input(0).shape.count() / std::max<int64_t>(k, 1), k, columns}),
          0};
}

}  // namespace

constinit const OpDef kQGemm = {.name = "QGemm",
                                .domain = "ai.omni",
                                .inputs = kInputs,
                                .outputs = kOutputs,
                                .attributes = kAttributes,
                                .infer = infer,
                                .cost = cost,
                                .bind = bind};

}  // namespace omni::ops
