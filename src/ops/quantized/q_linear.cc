// QLinearConv and QLinearMatMul (ai.onnx): the quantizers' operator form. Composites: dequantize, compute, quantize, which the planner lowers to
// integer kernels as it does the QDQ form.
#include "ops/composer.h"
#include "ops/conv_binding.h"

namespace omni::ops {

namespace {

constexpr Formal kConvInputs[] = {{"x"},       {"x_scale"},      {"x_zero_point"}, {"w"}, {"w_scale"}, {"w_zero_point"},
                                  {"y_scale"}, {"y_zero_point"}, {"B", kOptional}};
constexpr Formal kMatMulInputs[] = {{"a"}, {"a_scale"}, {"a_zero_point"}, {"b"}, {"b_scale"}, {"b_zero_point"}, {"y_scale"}, {"y_zero_point"}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kConvAttributes[] = {{"auto_pad", AttributeKind::kString}, {"dilations", AttributeKind::kInts},
                                            {"group", AttributeKind::kInt},       {"kernel_shape", AttributeKind::kInts},
                                            {"pads", AttributeKind::kInts},       {"strides", AttributeKind::kInts}};
constexpr OpVersion k10[] = {{10}};
constexpr OpVersion k21_10[] = {{21}, {10}};

bool is_byte(DType t) { return t == DType::kI8 || t == DType::kU8; }

// x, its scale and its zero point are inputs i, i + 1, i + 2.
void check_quantized(const InferContext& c, int i) {
  if (!is_byte(c.input(i).dtype) || c.input(i + 2).dtype != c.input(i).dtype)
    c.fail("input " + std::to_string(i) + " and its zero point are not i8 or u8");
  const DType scale = c.input(i + 1).dtype;
  if (scale != DType::kF32 && scale != DType::kF16 && scale != DType::kBF16) c.fail("a scale is not of a float type");
}

void check_output(const InferContext& c) {
  if (!is_byte(c.input(7).dtype)) c.fail("the output's zero point is not i8 or u8");
}

void infer_q_conv(InferContext& c) {
  check_quantized(c, 0);
  check_quantized(c, 3);
  check_output(c);
  if (c.has_input(8) && c.input(8).dtype != DType::kI32) c.fail("the bias is not i32");
  const Type &x = c.input(0), &w = c.input(3);
  const DType y = c.input(7).dtype;
  if (!x.ranked || !w.ranked) return c.set(0, Type::unranked(y));
  Type type = conv_type(c, x, w, c.has_input(8) ? &c.input(8) : nullptr);
  type.dtype = y;
  c.set(0, std::move(type));
}

void infer_matmul(InferContext& c) {
  check_quantized(c, 0);
  check_quantized(c, 3);
  check_output(c);
  const Type &a = c.input(0), &b = c.input(3);
  const DType y = c.input(7).dtype;
  if (!a.ranked || !b.ranked) return c.set(0, Type::unranked(y));
  if (a.rank() < 1 || b.rank() < 1) c.fail("a scalar cannot be multiplied as a matrix");
  std::vector<Dim> left = a.dims, right = b.dims;
  const bool row = left.size() == 1, column = right.size() == 1;
  if (row) left.insert(left.begin(), Dim(1));
  if (column) right.push_back(Dim(1));
  const Dim k = left.back(), k2 = right[right.size() - 2];
  if (k.is_constant() && k2.is_constant() && k != k2)
    c.fail("the inner dimensions are " + std::to_string(k.value) + " and " + std::to_string(k2.value));
  std::vector<Dim> out = c.broadcast({left.begin(), left.end() - 2}, {right.begin(), right.end() - 2});
  if (!row) out.push_back(left[left.size() - 2]);
  if (!column) out.push_back(right.back());
  c.set(0, Type(y, std::move(out)));
}

// A scale of one element, whatever its rank, as a scalar; else as it is.
ValueId as_scalar(const Composer& b, ValueId v) {
  const Type& t = b.g.type(v);
  if (t.rank() == 0 || !t.is_static() || t.shape()->count() != 1) return v;
  return b.reshape(v, {});
}

// Inputs i, i + 1, i + 2 of a node, dequantized; a list of scales belongs to `axis`, others broadcast.
ValueId dequantized(const Composer& b, const std::vector<ValueId>& inputs, size_t i, int64_t axis) {
  const ValueId x = inputs[i], scale = as_scalar(b, inputs[i + 1]), zero = as_scalar(b, inputs[i + 2]);
  const int rank = b.g.type(scale).rank(), zero_rank = b.g.type(zero).rank();
  if (rank <= 1 && zero_rank == rank) return b.g.add1(kDequantizeLinear, {x, scale, zero}, {{"axis", axis}});
  const DType type = b.g.type(scale).dtype;
  const auto spread = [&](ValueId v) {  // a list against the axis, which is the last or the one before
    return b.g.type(v).rank() == 1 && axis == -2 ? b.unsqueeze(v, {1}) : v;
  };
  return b.mul(b.sub(cast_to(b.g, x, type), cast_to(b.g, spread(zero), type)), spread(scale));
}

ValueId quantized(const Composer& b, ValueId y, ValueId scale, ValueId zero) {
  const ValueId s = as_scalar(b, scale), z = as_scalar(b, zero);
  const int rank = b.g.type(s).rank();
  if (rank <= 1 && b.g.type(z).rank() == rank) return b.g.add1(kQuantizeLinear, {cast_to(b.g, y, b.g.type(s).dtype), s, z}, {{"axis", int64_t{-2}}});
  // A scale for every row: rounded and saturated by hand.
  const DType type = b.g.type(z).dtype;
  const bool is_signed = type == DType::kI8;
  const ValueId steps = b.add(b.g.add1(kRound, {b.div(y, s)}), cast_to(b.g, z, b.g.type(y).dtype));
  return cast_to(b.g, b.g.add1(kClip, {steps, number(b.g, y, is_signed ? -128 : 0), number(b.g, y, is_signed ? 127 : 255)}), type);
}

std::vector<ValueId> expand_conv(Graph& g, const Node& n) {
  const Composer b(g);
  const std::vector<ValueId> in = n.inputs;
  const Attributes window = n.attributes;
  std::vector<ValueId> operands = {dequantized(b, in, 0, 1), dequantized(b, in, 3, 0)};
  if (in.size() > 8 && in[8] != kNone) {
    const ValueId scale = b.mul(as_scalar(b, in[1]), as_scalar(b, in[4]));
    operands.push_back(g.add1(kDequantizeLinear, {in[8], scale}, {{"axis", int64_t{0}}}));
  }
  return {quantized(b, g.add1(kConv, std::move(operands), window), in[6], in[7])};
}

std::vector<ValueId> expand_matmul(Graph& g, const Node& n) {
  const Composer b(g);
  const std::vector<ValueId> in = n.inputs;
  return {quantized(b, b.matmul(dequantized(b, in, 0, -2), dequantized(b, in, 3, -1)), in[6], in[7])};
}

}  // namespace

constinit const OpDef kQLinearConv = {.name = "QLinearConv",
                                      .inputs = kConvInputs,
                                      .outputs = kOutputs,
                                      .attributes = kConvAttributes,
                                      .versions = k10,
                                      .infer = infer_q_conv,
                                      .expand = expand_conv};
constinit const OpDef kQLinearMatMul = {
    .name = "QLinearMatMul", .inputs = kMatMulInputs, .outputs = kOutputs, .versions = k21_10, .infer = infer_matmul, .expand = expand_matmul};

}  // namespace omni::ops
