// ai.omni.BlockMatMul(a, q, scales, zeros, bias): a [.., K] times the weights q [N, columns >= K], stored in 4 or 8 bits with a scale (and perhaps a zero
// point) for `block_size` columns of a row, + bias [N]. What passes/fuse/block_weights makes of products with DequantizeLinear, which MatMulNBits
// expands to: the weights never become floats as a whole. f32; with `half` every weight is rounded to f16, as a DequantizeLinear to f16 does.
#include "core/half.h"
#include "core/kernel_args.h"
#include "kernels/gemm_blocks/gemm_blocks.h"
#include "ops/op_list.h"
#include "ops/scale_map.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"a"}, {"q"}, {"scales"}, {"zeros", kOptional}, {"bias", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {
    {"alpha", AttributeKind::kFloat}, {"block_size", AttributeKind::kInt, true}, {"half", AttributeKind::kInt}};

bool holds_weights(DType t) { return t == DType::kI4 || t == DType::kU4 || t == DType::kI8 || t == DType::kU8; }

void infer(InferContext& c) {
  const Type &a = c.input(0), &q = c.input(1), &scales = c.input(2);
  if (a.dtype != DType::kF32 || !a.ranked || a.rank() < 1) c.fail("a is not f32 of a known rank");
  if (!holds_weights(q.dtype) || (scales.dtype != DType::kF32 && scales.dtype != DType::kF16)) c.fail("the weights are not of 4 or 8 bits, or the scales not f32 or f16");
  const int64_t block = c.attributes.get_int("block_size", 0);
  if (block < 1 || block > INT32_MAX || block % (32 / dtype_bits(q.dtype)) != 0) c.fail("block_size is no multiple of the weights in 32 bits");
  if (!q.is_static() || !scales.is_static() || q.rank() != 2 || scales.rank() != 2) c.fail("the sizes of the weights are not known");
  const int64_t n = q.dim(0).value;
  const bool fits = !a.dim(-1).is_constant() || (q.dim(1).value >= a.dim(-1).value && scales.dim(1).value == (a.dim(-1).value + block - 1) / block);
  if (!fits || scales.dim(0).value != n) c.fail("a, weights and scales do not fit");
  if (c.has_input(3) && (c.input(3).dtype != q.dtype || !(c.input(3).dims == scales.dims))) c.fail("the zero points are not of the weights' type and the scales' shape");
  if (c.has_input(4) && (c.input(4).dtype != DType::kF32 || !c.input(4).is_static() || c.input(4).rank() != 1 || c.input(4).dim(0).value != n)) c.fail("the bias is not f32[N]");
  Type y = a;
  y.dims.back() = n;
  c.set(0, std::move(y));
}

struct Params {
  Isa isa;
  kernels::BlockGemmArgs args;
  Tensor words, scales, zeros;
};

// Integers are stored from 0 on: signed ones, and their zero points, by half of the range more.
void pack(Params& p, const ConstTensorView& q, const ConstTensorView& scales, const ConstTensorView* zeros) {
  kernels::BlockWeights& w = p.args.w;
  constexpr int64_t kColumns = kernels::kBlockColumns;
  const int32_t shift = is_signed_integer(q.dtype) ? 1 << (w.bits - 1) : 0;
  p.words = Tensor(DType::kI32, Shape{w.groups() * w.words_per_column() * kColumns});
  p.scales = Tensor(DType::kF32, Shape{w.groups() * w.blocks() * kColumns});
  p.zeros = Tensor(DType::kF32, p.scales.shape());
  uint32_t* const words = reinterpret_cast<uint32_t*>(p.words.mutable_values<int32_t>().data());
  float* const to_scales = p.scales.mutable_values<float>().data();
  float* const to_zeros = p.zeros.mutable_values<float>().data();
  for (int64_t n = 0; n < w.n; ++n) {
    const int64_t group = n / kColumns, column = n % kColumns, row = n * q.shape[1];
    for (int64_t k = 0; k < w.k; ++k) {
      uint32_t& word = words[(group * w.words_per_column() + k / w.steps_per_word()) * kColumns + column];
      word |= static_cast<uint32_t>(integer_at(q, row + k) + shift) << (k % w.steps_per_word() * w.bits);
    }
    for (int64_t b = 0; b < w.blocks(); ++b) {
      const int64_t from = n * w.blocks() + b, to = (group * w.blocks() + b) * kColumns + column;
      to_scales[to] = float_at(scales, from);
      to_zeros[to] = static_cast<float>((zeros != nullptr ? integer_at(*zeros, from) : 0) + shift);
    }
  }
  w.words = words;
  w.scales = to_scales;
  w.zeros = to_zeros;
}

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::BlockGemmArgs g = p.args;
  g.a = k.inputs[0].as<float>();
  if (k.inputs.size() > 4) g.bias = k.inputs[4].as<float>();
  g.c = k.outputs[0].as<float>();
  kernels::gemm_blocks(p.isa, g, *k.pool);
}

Binding bind(const PlannedNode& n) {
  const Tensor *q = n.input(1).constant, *scales = n.input(2).constant, *zeros = n.has_input(3) ? n.input(3).constant : nullptr;
  if (q == nullptr || scales == nullptr || (n.has_input(3) && zeros == nullptr)) n.unsupported("the weights are no constants");
  const auto p = std::make_shared<Params>();
  p->isa = n.isa;
  const Shape& a = n.input(0).shape;
  p->args.m = a.count(0, a.rank() - 1);
  p->args.alpha = n.attributes.get_float("alpha", 1.0f);
  p->args.w.k = a[-1];
  p->args.w.n = n.input(1).shape[0];
  p->args.w.bits = dtype_bits(n.input(1).dtype);
  p->args.w.block = n.attributes.get_int("block_size", 0);
  if (n.input(1).shape[1] < a[-1] || n.input(2).shape[1] != p->args.w.blocks()) n.unsupported("a, weights and scales do not fit");
  p->args.w.half = n.attributes.get_int("half", 0) != 0;
  const ConstTensorView q_view = q->view(), scale_view = scales->view();
  if (zeros == nullptr) {
    pack(*p, q_view, scale_view, nullptr);
  } else {
    const ConstTensorView zero_view = zeros->view();
    pack(*p, q_view, scale_view, &zero_view);
  }
  return {run, p, 0};
}

Cost cost(const PlannedNode& n) {
  const int64_t macs = n.output(0).shape.count() * n.input(0).shape[-1];
  return {2 * macs, static_cast<int64_t>(n.input(0).bytes() + n.input(1).bytes() + n.input(2).bytes() + n.output(0).bytes())};
}

}  // namespace

constinit const OpDef kBlockMatMul = {
    .name = "BlockMatMul", .domain = "ai.omni", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .infer = infer, .cost = cost, .bind = bind};

}  // namespace omni::ops
