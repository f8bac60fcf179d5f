// Conv, Gemm and MatMul.
#include "ops/onnx_dtype.h"
#include "passes/lower_qdq_rules.h"

namespace omni::passes {

void QdqRewriter::set_result(Attributes& a, const Wanted& w) {
  const ops::ByteRange all = ops::ByteRange::of(w.dtype == DType::kI8, w.range.zero);
  a.set("y_scale", w.scale);
  a.set("y_type", ops::to_onnx(w.dtype));
  a.set("y_zero", static_cast<int64_t>(w.range.zero));
  if (w.range.low != all.low) a.set("y_low", static_cast<int64_t>(w.range.low));
  if (w.range.high != all.high) a.set("y_high", static_cast<int64_t>(w.range.high));
}

void QdqRewriter::set_float_result(Attributes& a) { a.set("y_type", ops::to_onnx(DType::kF32)); }

void QdqRewriter::take_over(ValueId from, ValueId to) {
  const std::string name = graph_.value(from).name;
  graph_.replace_uses(from, to);
  if (graph_.value(to).kind != ValueKind::kResult) return;
  graph_.rename(from, name + ".replaced");
  graph_.rename(to, name);
}

void QdqRewriter::put(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, const std::string& name, const Wanted& w) {
  set_result(attributes, w);
  take_over(w.result, graph_.add1(op, std::move(inputs), std::move(attributes), {.name = name}));
}

void QdqRewriter::put_float(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes, const std::string& name, ValueId old) {
  set_float_result(attributes);
  take_over(old, graph_.add1(op, std::move(inputs), std::move(attributes), {.name = name}));
}

std::vector<ValueId> QdqRewriter::product_inputs(const std::string& name, ValueId x, const QuantizedWeights& w, const std::vector<int32_t>& b) {
  const auto values = [](const std::vector<int32_t>& v) {
    return Tensor::of<int32_t>(Shape{static_cast<int64_t>(v.size())}, std::span<const int32_t>(v));
  };
  std::vector<ValueId> inputs = {x, graph_.add_constant(name + ".w", w.values)};
  inputs.push_back(
      graph_.add_constant(name + ".w_scale", Tensor::of<float>(Shape{static_cast<int64_t>(w.scales.size())}, std::span<const float>(w.scales))));
  inputs.push_back(w.zeros.empty() ? kNone : graph_.add_constant(name + ".w_zero", values(w.zeros)));
  inputs.push_back(b.empty() ? kNone : graph_.add_constant(name + ".bias", values(b)));
  while (inputs.back() == kNone) inputs.pop_back();
  return inputs;
}

bool QdqRewriter::conv(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  const std::optional<QuantizedWeights> w = weights(n.inputs[1], 0);
  if (!w) return reason(id, "its weights are not constants in eight bits with one scale or one per output channel");
  const int rank = w->values.shape().rank();
  if (rank != 3 && rank != 4) return reason(id, "only one and two spatial dimensions have integer kernels");
  const std::optional<std::vector<int32_t>> b = bias(id, n.inputs.size() > 2 ? n.inputs[2] : kNone, x->scale, *w);
  if (!b) return false;
  const int64_t k = w->values.shape().count(1);
  if (!sums_fit(*w, k, k, 1, *b)) return reason(id, "a sum of " + std::to_string(k) + " products may pass 2^31");
  Attributes attributes = n.attributes;
  set_scale(attributes, "x", *x);
  const std::string name = n.name;
  const ValueId y = n.outputs[0];
  const std::optional<Wanted> out = wanted(y);
  const bool depthwise = attributes.get_int("group", 1) > 1 && w->values.shape()[1] == 1;
  if (!out && depthwise) return reason(id, "depthwise, and its result is not quantized");
  const std::vector<ValueId> inputs = product_inputs(name, x->q, *w, *b);
  if (out)
    put(ops::kQConv, inputs, std::move(attributes), name, *out);
  else
    put_float(ops::kQConv, inputs, std::move(attributes), name, y);
  return true;
}

bool QdqRewriter::gemm(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  const Attributes& a = n.attributes;
  const ValueId c = n.inputs.size() > 2 ? n.inputs[2] : kNone;
  if (a.get_int("transA", 0) != 0) return reason(id, "its activation is transposed");
  if (a.get_float("alpha", 1) != 1 || (c != kNone && a.get_float("beta", 1) != 1)) return reason(id, "its product or bias is scaled");
  const int64_t by_rows = a.get_int("transB", 0);
  const std::optional<QuantizedWeights> w = weights(n.inputs[1], by_rows != 0 ? 0 : 1);
  if (!w || w->values.shape().rank() != 2) return reason(id, "its weights are not constants in eight bits with one scale or one per output channel");
  const std::optional<std::vector<int32_t>> b = bias(id, c, x->scale, *w);
  if (!b) return false;
  const int64_t columns = w->channels, k = w->values.count() / std::max<int64_t>(columns, 1);
  if (!sums_fit(*w, k, by_rows != 0 ? k : 1, by_rows != 0 ? 1 : columns, *b))
    return reason(id, "a sum of " + std::to_string(k) + " products may pass 2^31");
  Attributes attributes;
  if (by_rows != 0) attributes.set("transB", int64_t{1});
  set_scale(attributes, "x", *x);
  const std::string name = n.name;
  const ValueId y = n.outputs[0];
  const std::optional<Wanted> out = wanted(y);
  const std::vector<ValueId> inputs = product_inputs(name, x->q, *w, *b);
  if (out)
    put(ops::kQGemm, inputs, std::move(attributes), name, *out);
  else
    put_float(ops::kQGemm, inputs, std::move(attributes), name, y);
  return true;
}

bool QdqRewriter::matmul(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  const std::string name = n.name;
  ValueId y = n.outputs[0];
  const Type& right = graph_.type(n.inputs[1]);
  const std::optional<QuantizedWeights> w = right.ranked && right.rank() == 2 ? weights(n.inputs[1], 1) : std::nullopt;
  Attributes attributes;
  if (!w) {
    const std::optional<Dequantized> other = dequantized(n.inputs[1]);
    if (!other) return reason(id, "its second matrix is not in eight bits with one scale");
    const Type& left = graph_.type(n.inputs[0]);
    const bool small = left.ranked && left.rank() > 0 && left.dim(-1).is_constant() && left.dim(-1).value * 255 * 255 < (int64_t{1} << 31);
    if (!small) return reason(id, "its sums may pass 2^31");
    set_scale(attributes, "a", *x);
    set_scale(attributes, "b", *other);
    if (const std::optional<Wanted> out = wanted(y))
      put(ops::kQMatMul, {x->q, other->q}, std::move(attributes), name, *out);
    else
      put_float(ops::kQMatMul, {x->q, other->q}, std::move(attributes), name, y);
    return true;
  }
  const int64_t columns = w->channels, k = w->values.shape()[0];
  // A constant that is added to every row is the bias, unless it does not fit the sums.
  std::vector<int32_t> b;
  if (graph_.use_count(y) == 1 && !graph_.value(y).uses.empty() && is_op(graph_.node(graph_.value(y).uses[0].node), "Add")) {
    const Use use = graph_.value(y).uses[0];
    const Node& add = graph_.node(use.node);
    const ValueId other = add.inputs[1 - use.index];
    const Type& type = graph_.type(other);
    if (type.ranked && type.rank() <= 1 && constant(other)) {
      if (const auto found = bias(id, other, x->scale, *w)) {
        b = *found;
        y = add.outputs[0];
      }
      reasons_.erase(id);
    }
  }
  if (!sums_fit(*w, k, 1, columns, b)) return reason(id, "a sum of " + std::to_string(k) + " products may pass 2^31");
  set_scale(attributes, "x", *x);
  const std::optional<Wanted> out = wanted(y);
  const std::vector<ValueId> inputs = product_inputs(name, x->q, *w, b);
  if (out)
    put(ops::kQGemm, inputs, std::move(attributes), name, *out);
  else
    put_float(ops::kQGemm, inputs, std::move(attributes), name, y);
  return true;
}

// An Add that follows a convolution is computed while the convolution's result is in registers.
bool QdqRewriter::residual(NodeId id) {
  const Node& add = graph_.node(id);
  const Attributes sum = add.attributes;
  const ValueId y = add.outputs[0];
  for (size_t side = 0; side < 2; ++side) {
    const Node* conv = graph_.producer(add.inputs[side], ops::kQConv);
    const ValueId other = add.inputs[1 - side], mine = add.inputs[side];
    if (conv == nullptr || other == mine || graph_.use_count(mine) != 1 || (conv->inputs.size() > 5 && conv->inputs[5] != kNone)) continue;
    if (conv->attributes.get_int("y_type", 0) == ops::to_onnx(DType::kF32)) continue;
    const Type& w = graph_.type(conv->inputs[1]);
    if (w.dim(1) == Dim(1) && conv->attributes.get_int("group", 1) > 1) continue;  // depthwise kernels have no residual
    const Type &mt = graph_.type(mine), &ot = graph_.type(other);
    if (!mt.ranked || !ot.ranked || mt.dims != ot.dims || graph_.is_constant(other)) continue;
    Attributes attributes = conv->attributes;
    const std::string prefix = side == 0 ? "b" : "a";
    attributes.set("residual_scale", sum.get_float(prefix + "_scale", 1));
    attributes.set("residual_zero", sum.get_int(prefix + "_zero", 0));
    for (const char* field : {"_scale", "_zero", "_type", "_low", "_high"}) {
      if (const AttributeValue* v = sum.find(std::string("y") + field)) attributes.set(std::string("sum") + field, *v);
    }
    std::vector<ValueId> inputs = conv->inputs;
    inputs.resize(5, kNone);
    inputs.push_back(other);
    const std::string name = conv->name;
    take_over(y, graph_.add1(ops::kQConv, inputs, std::move(attributes), {.name = name}));
    return true;
  }
  return false;
}

}  // namespace omni::passes
