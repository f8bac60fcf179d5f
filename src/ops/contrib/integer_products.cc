// DynamicQuantizeMatMul, MatMulIntegerToFloat, DynamicQuantizeLSTM (com.microsoft): products of bytes whose activations are quantized as they come.
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kDynamicInputs[] = {{"A"}, {"B"}, {"b_scale"}, {"b_zero_point", kOptional}, {"bias", kOptional}};
constexpr Formal kToFloatInputs[] = {
    {"A"}, {"B"}, {"a_scale"}, {"b_scale"}, {"a_zero_point", kOptional}, {"b_zero_point", kOptional}, {"bias", kOptional}};
constexpr Formal kY[] = {{"Y"}};
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

// Σ (a - za)(b - zb) in i32, times the scales, plus the bias. MatMulInteger takes the zero points as it finds them.
ValueId product(const Parts& p, ValueId a, ValueId za, ValueId b, ValueId zb, ValueId scale, ValueId bias) {
  std::vector<ValueId> in = {a, b};
  if (za != kNone || zb != kNone) in.push_back(za == kNone ? p.g.add_constant("zero", from_double(p.dtype(a), Shape{}, std::vector<double>{0})) : za);
  if (zb != kNone) in.push_back(zb);
  const ValueId y = p.mul(p.as(p.make(kMatMulInteger, std::move(in)), p.dtype(scale)), scale);
  return bias == kNone ? y : p.add(y, bias);
}

std::vector<ValueId> expand_to_float(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require(is_byte(p.dtype(p.in(0))) && is_byte(p.dtype(p.in(1))), "A and B are not of bytes");
  for (size_t i = 2; i < 4; ++i) p.require(is_float(p.dtype(p.in(i))) && p.rank(p.in(i)) <= 1, "a scale is a float, or a list of them");
  for (size_t i = 4; i < 6; ++i)
    p.require(!p.has(i) || (p.dtype(p.in(i)) == p.dtype(p.in(i - 4)) && p.rank(p.in(i)) <= 1), "a zero point does not fit its matrix");
  const ValueId zero = p.has(4) ? p.as_scalar(p.in(4)) : kNone;
  return {product(p, p.in(0), zero, p.in(1), p.in(5), p.mul(p.as_scalar(p.in(2)), p.as_scalar(p.in(3))), p.in(6))};
}

std::vector<ValueId> expand_dynamic(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require(p.dtype(p.in(0)) == DType::kF32 && is_byte(p.dtype(p.in(1))), "A is not f32 or B is not of bytes");
  p.require(is_float(p.dtype(p.in(2))) && p.rank(p.in(2)) <= 1, "b_scale is a float, or a list of them");
  p.require(!p.has(3) || (p.dtype(p.in(3)) == p.dtype(p.in(1)) && p.rank(p.in(3)) <= 1), "b_zero_point does not fit B");
  const std::vector<ValueId> a = g.add(kDynamicQuantizeLinear, {p.in(0)}, {}, {.output_count = 3});
  return {product(p, a[0], a[2], p.in(1), p.in(3), p.mul(a[1], p.as_scalar(p.in(2))), p.in(4))};
}

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

}  // namespace

constinit const OpDef kMsMatMulIntegerToFloat = composite<expand_to_float>("com.microsoft", "MatMulIntegerToFloat", kToFloatInputs, kY);
constinit const OpDef kMsDynamicQuantizeMatMul = composite<expand_dynamic>("com.microsoft", "DynamicQuantizeMatMul", kDynamicInputs, kY);
constinit const OpDef kMsDynamicQuantizeLSTM = composite<expand_lstm>("com.microsoft", "DynamicQuantizeLSTM", kLstmInputs, kLstmOutputs, kLstmAttributes);

}  // namespace omni::ops
