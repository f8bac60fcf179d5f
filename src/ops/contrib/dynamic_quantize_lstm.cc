// DynamicQuantizeLSTM (com.microsoft): LSTM with weights of bytes, whose products quantize their left side as they come, as ONNX Runtime has it. A
// package for devices holds its expansion, LSTM on dequantized weights: the same but for the rounding of inputs and states to bytes.
#include <optional>

#include "kernels/recurrent/byte_products.h"
#include "ops/contrib/expansion.h"
#include "ops/recurrent/recurrent.h"
#include "ops/scale_map.h"

namespace omni::ops {

namespace {

constexpr Formal kLstmInputs[] = {{"X"},
                                  {"W"},
                                  {"R"},
                                  {"B", kOptional},
                                  {"sequence_lens", kOptional},
                                  {"initial_h", kOptional},
                                  {"initial_c", kOptional},
                                  {"P", kOptional},
                                  {"W_scale"},
                                  {"W_zero_point"},
                                  {"R_scale"},
                                  {"R_zero_point"}};
constexpr Formal kLstmOutputs[] = {{"Y", kOptional}, {"Y_h", kOptional}, {"Y_c", kOptional}};
constexpr AttributeDef kLstmAttributes[] = {{"activation_alpha", AttributeKind::kFloats}, {"activation_beta", AttributeKind::kFloats},
                                            {"activations", AttributeKind::kStrings},     {"clip", AttributeKind::kFloat},
                                            {"direction", AttributeKind::kString},        {"hidden_size", AttributeKind::kInt},
                                            {"input_forget", AttributeKind::kInt}};

bool is_byte(DType t) { return t == DType::kI8 || t == DType::kU8; }

// Weights [directions, input, 4 · hidden] with a scale a direction or a column, dequantized and turned for LSTM.
ValueId weights(const Parts& p, size_t i, size_t scale_at) {
  const ValueId w = p.in(i), zero = p.in(scale_at + 1);
  p.require(is_byte(p.dtype(w)) && p.rank(w) == 3, "the weights are not bytes of rank 3");
  p.require(p.dtype(zero) == p.dtype(w), "a zero point has another element type than its weights");
  const auto spread = [&](ValueId v) { return p.rank(v) == 0 ? v : p.rank(v) == 1 ? p.unsqueeze(v, {1, 2}) : p.unsqueeze(v, {1}); };
  p.require(p.rank(p.in(scale_at)) <= 2 && p.rank(zero) <= 2, "a scale has too many dimensions");
  const ValueId scale = p.in(scale_at);
  p.require(is_float(p.dtype(scale)), "a scale is not of a float type");
  const ValueId y = p.mul(p.sub(p.as(w, DType::kF32), p.as(spread(zero), DType::kF32)), spread(scale));
  return p.transpose(y, {0, 2, 1});
}

std::vector<ValueId> expand_lstm(Graph& g, const Node& n) {
  const Parts p(g, n);
  std::vector<ValueId> in = {p.in(0), weights(p, 1, 8), weights(p, 2, 10)};
  for (size_t i = 3; i < 8; ++i) in.push_back(p.in(i));
  return g.add(kLSTM, std::move(in), p.attributes, {.output_count = 3});
}

// W or R of one direction, and where it is packed: once, where it is a constant, else in every run's scratch.
struct Matrix {
  int input = 0, scale_at = 0, direction = 0;
  bool is_signed = false, scale_per_column = false, zero_per_column = false;
  int64_t k = 0, columns = 0;
  kernels::Int8Layout layout;
  Tensor constant;  // empty: not packed yet
  size_t scratch = 0;

  static size_t rounded(int64_t bytes) { return (static_cast<size_t>(bytes) + 63) / 64 * 64; }
  size_t sums_at() const { return rounded(layout.bytes); }
  size_t scales_at() const { return sums_at() + rounded(layout.packed_columns * 4); }
  size_t zeros_at() const { return scales_at() + rounded(layout.packed_columns * 4); }
  size_t bytes() const { return zeros_at() + rounded(std::max<int64_t>(1, columns) * 4); }

  kernels::ByteWeights in(const std::byte* room) const {
    return {&layout, reinterpret_cast<const int8_t*>(room), reinterpret_cast<const int32_t*>(room + sums_at()),
            reinterpret_cast<const float*>(room + scales_at())};
  }
  kernels::Int8Matrix matrix(const ConstTensorView& w, const ConstTensorView& zero, int32_t* zeros) const {
    const int64_t count = zero_per_column ? columns : 1;
    for (int64_t i = 0; i < count; ++i) zeros[i] = integer_at(zero, direction * count + i);
    return {w.as<std::byte>() + direction * k * columns, is_signed, 1, columns, zeros, zero_per_column};
  }
  void pack(const ConstTensorView& w, const ConstTensorView& scale, const ConstTensorView& zero, std::byte* room) const noexcept {
    const kernels::Int8Matrix m = matrix(w, zero, reinterpret_cast<int32_t*>(room + zeros_at()));
    kernels::pack_gemm_int8(layout, m, reinterpret_cast<int8_t*>(room), reinterpret_cast<int32_t*>(room + sums_at()));
    kernels::to_packed_columns(layout, scale.as<float>() + direction * (scale_per_column ? columns : 1), !scale_per_column, 0,
                               reinterpret_cast<float*>(room + scales_at()));
  }
};

struct Params {
  kernels::RecurrentShape shape;
  Matrix matrices[2][2];  // of each direction: W, R
  size_t scratch_products[2] = {};
};

Matrix plan_matrix(const PlannedNode& n, const kernels::RecurrentShape& s, int input, int direction) {
  Matrix m;
  m.input = input;
  m.scale_at = input == kW ? 8 : 10;
  m.direction = direction;
  const PlannedValue &w = n.input(input), &scale = n.input(m.scale_at), &zero = n.input(m.scale_at + 1);
  m.is_signed = w.dtype == DType::kI8;
  m.k = w.shape[1];
  m.columns = w.shape[2];
  const auto fits = [&](const PlannedValue& v) { return v.shape == Shape{s.directions} || v.shape == Shape{s.directions, m.columns}; };
  if (!fits(scale) || !fits(zero)) n.unsupported("a scale or a zero point is neither one a direction nor one a column");
  if (scale.dtype != DType::kF32 || zero.dtype != w.dtype) n.unsupported("a scale is not f32, or a zero point not of its weights' type");
  m.scale_per_column = scale.shape.rank() == 2;
  m.zero_per_column = zero.shape.rank() == 2;
  const bool constant = w.constant != nullptr && scale.constant != nullptr && zero.constant != nullptr;
  std::vector<int32_t> zeros(static_cast<size_t>(std::max<int64_t>(1, m.columns)));
  const kernels::Int8Matrix known = constant ? m.matrix(w.constant->view(), zero.constant->view(), zeros.data()) : kernels::Int8Matrix{};
  m.layout = kernels::layout_gemm_int8(n.isa, kernels::Int8Output::kFloat, m.columns, m.k, kernels::copies_needed(known, m.columns, m.k));
  if (!constant) return m;
  m.constant = Tensor(DType::kU8, Shape{static_cast<int64_t>(m.bytes())});
  m.pack(w.constant->view(), scale.constant->view(), zero.constant->view(), static_cast<std::byte*>(m.constant.mutable_data()));
  return m;
}

kernels::ByteWeights packed(const KernelArgs& k, const Matrix& m) {
  if (m.constant.bytes() > 0) return m.in(static_cast<const std::byte*>(m.constant.data()));
  const auto input = [&](int i) { return k.inputs[static_cast<size_t>(i)]; };
  m.pack(input(m.input), input(m.scale_at), input(m.scale_at + 1), k.scratch + m.scratch);
  return m.in(k.scratch + m.scratch);
}

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::RecurrentArgs a = recurrent_args(k);
  std::optional<kernels::ByteProducts> products[2];
  for (int d = 0; d < p.shape.directions; ++d) {
    a.products[d] = &products[d].emplace(p.shape, packed(k, p.matrices[d][0]), packed(k, p.matrices[d][1]), k.scratch + p.scratch_products[d]);
  }
  recurrent_outputs(k, a);
  kernels::recurrent(p.shape, a, *k.pool, *k.status);
}

// The same node as LSTM sees it: weights [directions, 4 hidden, inputs] in f32.
kernels::RecurrentShape shape_of(const PlannedNode& n) {
  std::vector<PlannedValue> inputs(n.inputs.begin(), n.inputs.begin() + std::min<size_t>(n.inputs.size(), kRecurrentInputs));
  for (const int i : {kW, kR}) {
    PlannedValue& w = inputs[static_cast<size_t>(i)];
    if (w.shape.rank() != 3) n.unsupported("the weights are not of rank 3");
    w = {true, DType::kF32, Shape{w.shape[0], w.shape[2], w.shape[1]}};
  }
  return recurrent_shape({kLSTM, n.name, n.attributes, inputs, n.outputs, n.isa}, kernels::CellKind::kLstm);
}

Binding bind(const PlannedNode& n) {
  auto p = std::make_shared<Params>();
  p->shape = shape_of(n);
  size_t scratch = (kernels::recurrent_scratch_bytes(p->shape, true) + 63) / 64 * 64;
  for (int d = 0; d < p->shape.directions; ++d) {
    for (const int i : {kW, kR}) {
      Matrix& m = p->matrices[d][i - kW] = plan_matrix(n, p->shape, i, d);
      m.scratch = scratch;
      if (m.constant.bytes() == 0) scratch += m.bytes();
    }
    p->scratch_products[d] = scratch;
    scratch += kernels::ByteProducts::scratch_bytes(p->shape, p->matrices[d][0].layout, p->matrices[d][1].layout);
  }
  return {run, p, scratch};
}

Cost cost(const PlannedNode& n) {
  const kernels::RecurrentShape s = shape_of(n);
  return {2 * s.directions * s.steps * s.batch * s.width() * (s.inputs + s.hidden), 0};
}

constexpr OpDef definition() {
  OpDef op = composite<expand_lstm>("com.microsoft", "DynamicQuantizeLSTM", kLstmInputs, kLstmOutputs, kLstmAttributes);
  op.cost = cost;
  op.bind = bind;
  return op;
}

}  // namespace

constinit const OpDef kMsDynamicQuantizeLSTM = definition();

}  // namespace omni::ops
