#include "ops/contrib/expansion.h"

#include "core/error.h"
#include "ops/onnx_dtype.h"

namespace omni::ops {

void infer_by_expansion(InferContext& c, Expand expand) {
  Graph scratch("inference", std::shared_ptr<DimTable>(&c.dims, [](DimTable*) {}));
  Node node;
  node.attributes = c.attributes;
  for (int i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i)) {
      node.inputs.push_back(kNone);
      continue;
    }
    if (c.input(i).kind != TypeKind::kTensor) c.fail("input " + std::to_string(i) + " is no tensor");
    if (const Tensor* data = c.constant(i)) {
      node.inputs.push_back(scratch.add_constant("x", *data));
      continue;
    }
    node.inputs.push_back(scratch.add_input("x", c.input(i)));
    if (c.contents(i) != nullptr) scratch.value(node.inputs.back()).contents = *c.contents(i);
  }
  for (int i = 0; i < c.output_count(); ++i) node.outputs.push_back(c.wants_output(i) ? ValueId{0} : kNone);
  std::vector<ValueId> results;
  try {
    results = expand(scratch, node);
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kUnsupported) throw;
    c.fail(e.summary(), e.fix());
  }
  for (int i = 0; i < c.output_count(); ++i) {
    if (!c.wants_output(i)) continue;
    const size_t at = static_cast<size_t>(i);
    if (at >= results.size() || results[at] == kNone) c.fail("output " + std::to_string(i) + " is not given");
    const Value& v = scratch.value(results[at]);
    c.set(i, v.type, v.contents);
  }
}

void Parts::require(bool condition, std::string_view otherwise) {
  if (!condition) throw Error(ErrorCode::kInvalidData, std::string(otherwise));
}

void Parts::require_supported(bool condition, std::string_view otherwise) {
  if (!condition) throw Error(ErrorCode::kUnsupported, std::string(otherwise));
}

int Parts::rank(ValueId v) const {
  require(g.type(v).ranked, "the rank of an input is not known");
  return g.type(v).rank();
}

Dim Parts::dim(ValueId v, int d) const {
  const int r = rank(v);
  require(d >= -r && d < r, "an input has too few dimensions");
  return g.type(v).dim(d);
}

int64_t Parts::known(ValueId v, int d, std::string_view what) const {
  const Dim size = dim(v, d);
  require(size.is_constant(), std::string(what) + " is not known");
  return size.value;
}

ValueId Parts::as_scalar(ValueId v) const {
  const Type& t = g.type(v);
  if (!t.ranked || t.rank() == 0 || !t.is_static() || t.shape()->count() != 1) return v;
  return reshape(v, {});
}

ValueId Parts::dequantize(ValueId x, ValueId scale, ValueId zero, int64_t axis) const {
  const ValueId s = as_scalar(scale), z = zero == kNone ? kNone : as_scalar(zero);
  require(is_float(dtype(s)), "a scale is not of a float type");
  if (zero != kNone) require(is_integer(dtype(z)), "a zero point is not of an integer type");
  if (rank(s) <= 1 && (z == kNone || rank(z) == rank(s))) {
    std::vector<ValueId> in = {x, s};
    if (z != kNone) in.push_back(z);
    return make(kDequantizeLinear, std::move(in), {{"axis", axis}});
  }
  ValueId y = as(x, dtype(s));
  if (z != kNone) y = sub(y, as(z, dtype(s)));
  return mul(y, s);
}

ValueId Parts::quantize(ValueId y, ValueId scale, ValueId zero, DType type, int64_t axis) const {
  const ValueId s = as_scalar(scale);
  require(is_float(dtype(s)), "a scale is not of a float type");
  std::vector<ValueId> in = {as(y, dtype(s)), s};
  Attributes a = {{"axis", axis}};
  if (zero != kNone)
    in.push_back(as_scalar(zero));
  else
    a.set("output_dtype", int64_t{to_onnx(type)});
  return make(kQuantizeLinear, std::move(in), std::move(a));
}

}  // namespace omni::ops
