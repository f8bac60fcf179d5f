// MatMulInteger (ai.onnx): int32 product of u8 or s8 matrices about their zero points; one zero point, or one per row of A and column of B.
#include "core/kernel_args.h"
#include "kernels/gemm_int8/runtime_weights.h"
#include "ops/integer_matmul.h"
#include "ops/q_attributes.h"
#include "ops/scale_map.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"A"}, {"B"}, {"a_zero_point", kOptional}, {"b_zero_point", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr OpVersion kVersions[] = {{10}};

void infer(InferContext& c) {
  require_bytes(c, 0);
  require_bytes(c, 1);
  for (int i = 2; i < 4; ++i) {
    if (c.has_input(i) && c.input(i).dtype != c.input(i - 2).dtype) c.fail("a zero point of another type than its matrix");
  }
  c.set(0, infer_matmul_int8(c, DType::kI32));
}

Cost cost(const PlannedNode& n) { return {.operations = 2 * n.output(0).shape.count() * n.input(0).shape[-1]}; }

bool present(const KernelArgs& args, size_t i) { return args.inputs.size() > i && args.inputs[i].data != nullptr; }

struct Params {
  MatMulShape shape;
  bool a_signed, b_signed, zb_per_column, constant_weights;
  int64_t za_count;
  kernels::Int8Weights weights;         // constant B, its zero points within
  kernels::Int8RuntimeProduct product;  // any other
  size_t zb_at;                         // in scratch: B's zero points in 32 bits
};

// A's zero point where it is one number; rows with their own are corrected afterwards.
int32_t row_zero(const KernelArgs& args, const Params& p, int64_t row) {
  return present(args, 2) ? integer_at(args.inputs[2], p.za_count > 1 ? row : 0) : 0;
}

// Rows [first, first + count) of output matrix i, which have one zero point of A.
void rows(const KernelArgs& args, const Params& p, int64_t i, int64_t first, int64_t count) {
  const MatMulShape& s = p.shape;
  const uint8_t* a = args.inputs[0].as<uint8_t>() + (s.a_at(i) * s.m + first) * s.k;
  int32_t* out = args.outputs[0].as<int32_t>() + (i * s.m + first) * s.n;
  const int32_t za = row_zero(args, p, first);
  if (!p.constant_weights) {
    const int32_t* zb = present(args, 3) ? reinterpret_cast<const int32_t*>(args.scratch + p.zb_at) : nullptr;
    p.product.run(a, za, args.inputs[1].as<uint8_t>() + s.b_at(i) * s.k * s.n, zb, p.zb_per_column, out, args.scratch, *args.pool);
    return;
  }
  int32_t* start = reinterpret_cast<int32_t*>(args.scratch);
  kernels::start_values(p.weights.layout, p.weights.column_sums.values<int32_t>().data(), nullptr, kernels::ByteRange::of(p.a_signed, za).as_unsigned().zero, start);
  kernels::Int8GemmArgs g;
  g.a = kernels::Int8Rows::matrix(a, p.a_signed, count, s.k, s.k);
  g.layout = &p.weights.layout;
  g.weights = p.weights.data();
  g.epilogue.start = start;
  g.out = out;
  g.out_stride = s.n;
  kernels::gemm_int8(g, *args.pool);
}

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const MatMulShape& s = p.shape;
  if (args.outputs[0].count() == 0) return;
  if (!p.constant_weights && present(args, 3)) {
    int32_t* zb = reinterpret_cast<int32_t*>(args.scratch + p.zb_at);
    for (int64_t n = 0; n < (p.zb_per_column ? s.n : 1); ++n) zb[n] = integer_at(args.inputs[3], n);
  }
  if (p.constant_weights && p.za_count <= 1) return rows(args, p, 0, 0, s.count() * s.m);
  const int64_t step = p.za_count > 1 ? 1 : s.m;
  for (int64_t i = 0; i < s.count(); ++i) {
    for (int64_t m = 0; m < s.m; m += step) rows(args, p, i, m, step);
  }
}

Binding bind(const PlannedNode& n) {
  const MatMulShape s = matmul_shape(n.input(0).shape, n.input(1).shape);
  const bool a_signed = n.input(0).dtype == DType::kI8, b_signed = n.input(1).dtype == DType::kI8, has_zb = n.has_input(3);
  const int64_t za_count = n.has_input(2) ? n.input(2).shape.count() : 0, zb_count = has_zb ? n.input(3).shape.count() : 0;
  if ((za_count > 1 && za_count != s.m) || (zb_count > 1 && zb_count != s.n)) n.unsupported("zero points per matrix of a batch");
  const bool constant = n.input(1).constant != nullptr && s.b_batch.count() == 1 && (!has_zb || n.input(3).constant != nullptr);
  const bool by_rows = za_count > 1;
  auto p = std::make_shared<Params>(Params{s, a_signed, b_signed, zb_count > 1, constant, za_count, {},
                                           kernels::Int8RuntimeProduct(n.isa, by_rows ? 1 : s.m, s.k, s.n, a_signed, b_signed), 0});
  size_t scratch = 0;
  if (constant) {
    const std::vector<int32_t> zeros = q_weight_zeros(n, s.n, 3);
    const kernels::Int8Matrix matrix{n.input(1).constant->data(), b_signed, 1, s.n, zeros.empty() ? nullptr : zeros.data(), zeros.size() > 1};
    p->weights = kernels::pack_weights_int8(n.isa, kernels::Int8Output::kInt32, matrix, s.n, s.k);
    scratch = static_cast<size_t>(p->weights.layout.packed_columns) * 4;
  } else {
    p->zb_at = p->product.scratch_bytes();
    scratch = p->zb_at + static_cast<size_t>(zb_count) * 4;
  }
  return {run, p, scratch};
}

}  // namespace

constinit const OpDef kMatMulInteger = {
    .name = "MatMulInteger", .inputs = kInputs, .outputs = kOutputs, .versions = kVersions, .infer = infer, .cost = cost, .bind = bind};

}  // namespace omni::ops
