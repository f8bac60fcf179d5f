// QuantizeLinear, DequantizeLinear, the QLinear operators and QGemm (com.microsoft): the quantizer's operator form. Composites: dequantize, compute,
// quantize, which the planner lowers to integer kernels as it does the QDQ form. NhwcMaxPool: MaxPool of a picture that is stored channels-last.
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kQuantizeInputs[] = {{"x"}, {"y_scale"}, {"y_zero_point", kOptional}};
constexpr Formal kDequantizeInputs[] = {{"x"}, {"x_scale"}, {"x_zero_point", kOptional}};
constexpr Formal kBinaryInputs[] = {
    {"A"}, {"A_scale"}, {"A_zero_point", kOptional}, {"B"}, {"B_scale"}, {"B_zero_point", kOptional}, {"C_scale"}, {"C_zero_point", kOptional}};
constexpr Formal kUnaryInputs[] = {{"X"}, {"X_scale"}, {"X_zero_point", kOptional}, {"Y_scale"}, {"Y_zero_point", kOptional}};
constexpr Formal kConcatInputs[] = {{"Y_scale"}, {"Y_zero_point"}, {"inputs", kVariadic}};
constexpr Formal kGemmInputs[] = {{"A"},
                                  {"a_scale"},
                                  {"a_zero_point"},
                                  {"B"},
                                  {"b_scale"},
                                  {"b_zero_point"},
                                  {"C", kOptional},
                                  {"y_scale", kOptional},
                                  {"y_zero_point", kOptional}};
constexpr Formal kX[] = {{"x"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kC[] = {{"C"}};
constexpr AttributeDef kAxis[] = {{"axis", AttributeKind::kInt}};
constexpr AttributeDef kRequiredAxis[] = {{"axis", AttributeKind::kInt, true}};
constexpr AttributeDef kAlpha[] = {{"alpha", AttributeKind::kFloat}};
constexpr AttributeDef kSoftmaxAttributes[] = {{"axis", AttributeKind::kInt}, {"opset", AttributeKind::kInt, true}};
constexpr AttributeDef kGlobalAttributes[] = {{"channels_last", AttributeKind::kInt}};
constexpr AttributeDef kPoolAttributes[] = {
    {"auto_pad", AttributeKind::kString},       {"ceil_mode", AttributeKind::kInt},           {"channels_last", AttributeKind::kInt},
    {"count_include_pad", AttributeKind::kInt}, {"kernel_shape", AttributeKind::kInts, true}, {"pads", AttributeKind::kInts},
    {"strides", AttributeKind::kInts}};
constexpr AttributeDef kMaxPoolAttributes[] = {{"auto_pad", AttributeKind::kString}, {"ceil_mode", AttributeKind::kInt},
                                               {"dilations", AttributeKind::kInts},  {"kernel_shape", AttributeKind::kInts, true},
                                               {"pads", AttributeKind::kInts},       {"strides", AttributeKind::kInts}};
constexpr AttributeDef kGemmAttributes[] = {{"alpha", AttributeKind::kFloat}, {"transA", AttributeKind::kInt}, {"transB", AttributeKind::kInt}};

bool is_byte(DType t) { return t == DType::kI8 || t == DType::kU8; }

// Inputs x, scale and zero point from i on, dequantized.
ValueId read(const Parts& p, size_t i, int64_t axis = 1) {
  p.require(is_byte(p.dtype(p.in(i))), "a quantized input is not i8 or u8");
  p.require(!p.has(i + 2) || p.dtype(p.in(i + 2)) == p.dtype(p.in(i)), "a zero point has another element type than its tensor");
  return p.dequantize(p.in(i), p.in(i + 1), p.in(i + 2), axis);
}

// y with the scale and the zero point from i on; without a zero point of the type of input `like`.
ValueId write(const Parts& p, ValueId y, size_t i, size_t like) {
  p.require(!p.has(i + 1) || is_byte(p.dtype(p.in(i + 1))), "the output's zero point is not i8 or u8");
  return p.quantize(y, p.in(i), p.in(i + 1), p.dtype(p.in(like)));
}

std::vector<ValueId> expand_quantize(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {p.quantize(p.in(0), p.in(1), p.in(2), DType::kU8, p.integer("axis", 1))};
}

std::vector<ValueId> expand_dequantize(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require(!p.has(2) || p.dtype(p.in(2)) == p.dtype(p.in(0)), "the zero point has another element type than the tensor");
  return {p.dequantize(p.in(0), p.in(1), p.in(2), p.integer("axis", 1))};
}

template <const OpDef& kOp>
std::vector<ValueId> expand_binary(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {write(p, p.make(kOp, {read(p, 0), read(p, 3)}), 6, 0)};
}

std::vector<ValueId> expand_sigmoid(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {write(p, p.make(kSigmoid, {read(p, 0)}), 3, 0)};
}

std::vector<ValueId> expand_leaky(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {write(p, p.make(kLeakyRelu, {read(p, 0)}, {{"alpha", static_cast<float>(p.real("alpha", 0.01))}}), 3, 0)};
}

// Before opset 13 over all dimensions from the axis on.
std::vector<ValueId> expand_softmax(Graph& g, const Node& n) {
  const Parts p(g, n);
  const ValueId x = read(p, 0);
  const int rank = p.rank(x);
  int64_t axis = p.integer("axis", -1);
  p.require(axis >= -rank && axis < rank, "axis is out of range");
  if (axis < 0) axis += rank;
  if (p.integer("opset", 13) >= 13 || axis == rank - 1) return {write(p, p.make(kSoftmax, {x}, {{"axis", axis}}), 3, 0)};
  const ValueId flat = p.make(kSoftmax, {p.make(kFlatten, {x}, {{"axis", axis}})}, {{"axis", int64_t{1}}});
  return {write(p, p.reshape_to(flat, p.shape(x)), 3, 0)};
}

std::vector<int64_t> channels_first(int rank) {
  std::vector<int64_t> perm = {0, rank - 1};
  for (int d = 1; d < rank - 1; ++d) perm.push_back(d);
  return perm;
}

std::vector<int64_t> channels_back(int rank) {
  std::vector<int64_t> perm = {0};
  for (int d = 2; d < rank; ++d) perm.push_back(d);
  perm.push_back(1);
  return perm;
}

// A pool of x, which is stored channels-last if so said.
ValueId pool(const Parts& p, const OpDef& op, ValueId x, Attributes attributes, bool last) {
  const int rank = p.rank(x);
  p.require(rank >= 3, "a pool needs an input of rank 3 or more");
  if (!last) return p.make(op, {x}, std::move(attributes));
  return p.transpose(p.make(op, {p.transpose(x, channels_first(rank))}, std::move(attributes)), channels_back(rank));
}

template <const OpDef& kOp>
std::vector<ValueId> expand_pool(Graph& g, const Node& n) {
  const Parts p(g, n);
  Attributes window = p.attributes;
  window.erase("channels_last");
  return {write(p, pool(p, kOp, read(p, 0), std::move(window), p.integer("channels_last", 0) != 0), 3, 0)};
}

// Bytes keep their order, so their maximum is the maximum.
std::vector<ValueId> expand_max_pool(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require(is_byte(p.dtype(p.in(0))), "the input is not i8 or u8");
  const ValueId one = g.add_constant("one", Tensor::scalar(1.0f));
  const ValueId zero = g.add_constant("zero", from_double(p.dtype(p.in(0)), Shape{}, std::vector<double>{0}));
  const ValueId y = pool(p, kMaxPool, p.dequantize(p.in(0), one, zero), p.attributes, true);
  return {p.quantize(y, one, zero, p.dtype(p.in(0)))};
}

std::vector<ValueId> expand_concat(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require(p.inputs.size() >= 5 && (p.inputs.size() - 2) % 3 == 0, "the inputs are not tensors with a scale and a zero point each");
  std::vector<ValueId> parts;
  for (size_t i = 2; i < p.inputs.size(); i += 3) {
    p.require(p.has(i) && p.has(i + 1), "an input is missing");
    parts.push_back(read(p, i));
  }
  const ValueId y = p.make(kConcat, std::move(parts), {{"axis", p.integer("axis", 0)}});
  return {write(p, y, 0, 2)};
}

// C is in steps of alpha · a_scale · b_scale. Without y_scale the result is a float.
std::vector<ValueId> expand_gemm(Graph& g, const Node& n) {
  const Parts p(g, n);
  const bool turned = p.integer("transB", 0) != 0;
  const double alpha = p.real("alpha", 1);
  std::vector<ValueId> in = {read(p, 0), read(p, 3, turned ? 0 : 1)};
  if (p.has(6)) {
    p.require(p.dtype(p.in(6)) == DType::kI32, "C is not i32");
    ValueId scale = p.mul(p.as_scalar(p.in(1)), p.as_scalar(p.in(4)));
    if (alpha != 1) scale = p.mul(scale, alpha);
    in.push_back(p.dequantize(p.in(6), scale, kNone, -1));
  }
  Attributes a;
  if (alpha != 1) a.set("alpha", static_cast<float>(alpha));
  for (const char* name : {"transA", "transB"}) {
    if (p.integer(name, 0) != 0) a.set(name, int64_t{1});
  }
  const ValueId y = p.make(kGemm, std::move(in), std::move(a));
  return {p.has(7) ? write(p, y, 7, 0) : y};
}

}  // namespace

constinit const OpDef kMsQuantizeLinear = composite<expand_quantize>("com.microsoft", "QuantizeLinear", kQuantizeInputs, kY, kAxis);
constinit const OpDef kMsDequantizeLinear = composite<expand_dequantize>("com.microsoft", "DequantizeLinear", kDequantizeInputs, kY, kAxis);
constinit const OpDef kMsQLinearAdd = composite<expand_binary<kAdd>>("com.microsoft", "QLinearAdd", kBinaryInputs, kC);
constinit const OpDef kMsQLinearMul = composite<expand_binary<kMul>>("com.microsoft", "QLinearMul", kBinaryInputs, kC);
constinit const OpDef kMsQLinearSigmoid = composite<expand_sigmoid>("com.microsoft", "QLinearSigmoid", kUnaryInputs, kY);
constinit const OpDef kMsQLinearLeakyRelu = composite<expand_leaky>("com.microsoft", "QLinearLeakyRelu", kUnaryInputs, kY, kAlpha);
constinit const OpDef kMsQLinearSoftmax = composite<expand_softmax>("com.microsoft", "QLinearSoftmax", kUnaryInputs, kY, kSoftmaxAttributes);
constinit const OpDef kMsQLinearAveragePool = composite<expand_pool<kAveragePool>>("com.microsoft", "QLinearAveragePool", kUnaryInputs, kY, kPoolAttributes);
constinit const OpDef kMsQLinearGlobalAveragePool = composite<expand_pool<kGlobalAveragePool>>("com.microsoft", "QLinearGlobalAveragePool", kUnaryInputs, kY, kGlobalAttributes);
constinit const OpDef kMsQLinearConcat = composite<expand_concat>("com.microsoft", "QLinearConcat", kConcatInputs, kY, kRequiredAxis);
constinit const OpDef kMsQGemm = composite<expand_gemm>("com.microsoft", "QGemm", kGemmInputs, kY, kGemmAttributes);
constinit const OpDef kMsNhwcMaxPool = composite<expand_max_pool>("com.microsoft", "NhwcMaxPool", kX, kY, kMaxPoolAttributes);

}  // namespace omni::ops
