// DynamicQuantizeMatMul, MatMulIntegerToFloat (com.microsoft): products of bytes whose activations are quantized as they come.
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kDynamicInputs[] = {{"A"}, {"B"}, {"b_scale"}, {"b_zero_point", kOptional}, {"bias", kOptional}};
constexpr Formal kToFloatInputs[] = {
    {"A"}, {"B"}, {"a_scale"}, {"b_scale"}, {"a_zero_point", kOptional}, {"b_zero_point", kOptional}, {"bias", kOptional}};
constexpr Formal kY[] = {{"Y"}};
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

}  // namespace

constinit const OpDef kMsMatMulIntegerToFloat = composite<expand_to_float>("com.microsoft", "MatMulIntegerToFloat", kToFloatInputs, kY);
constinit const OpDef kMsDynamicQuantizeMatMul = composite<expand_dynamic>("com.microsoft", "DynamicQuantizeMatMul", kDynamicInputs, kY);

}  // namespace omni::ops
