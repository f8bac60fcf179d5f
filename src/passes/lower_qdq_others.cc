// Sums and products of tensors, pools, Concat, tables, what commutes with quantization.
#include <algorithm>
#include <cmath>
#include <set>

#include "core/thread_pool.h"
#include "ops/evaluate.h"
#include "ops/onnx_dtype.h"
#include "passes/lower_qdq_rules.h"

namespace omni::passes {

namespace {

constexpr const char* kNotQuantized = "its result is not quantized";

bool same_scale(const Dequantized& a, const Dequantized& b) { return a.scale == b.scale && a.zero == b.zero && a.dtype == b.dtype; }

// What the 256 bytes of a tensor stand for, in the order of their bit patterns.
std::vector<float> byte_values(const Dequantized& x) {
  std::vector<float> v(256);
  for (int i = 0; i < 256; ++i)
    v[static_cast<size_t>(i)] = static_cast<float>((x.dtype == DType::kI8 ? static_cast<int8_t>(i) : i) - x.zero) * x.scale;
  return v;
}

Tensor table_tensor(const std::vector<float>& values, const Wanted& w) {
  Tensor t(w.dtype, Shape{256});
  for (size_t i = 0; i < 256; ++i) {
    static_cast<uint8_t*>(t.mutable_data())[i] = static_cast<uint8_t>(ops::round_to_range(values[i] / w.scale, w.range));
  }
  return t;
}

}  // namespace

bool QdqRewriter::binary(NodeId id, const OpDef& q_op) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> a = dequantized(n.inputs[0]), b = dequantized(n.inputs[1]);
  if (!a || !b) {
    if (a || b) reason(id, "one of its inputs is in float");
    return false;
  }
  const std::optional<Wanted> out = wanted(n.outputs[0]);
  if (!out) return reason(id, kNotQuantized);
  Attributes attributes;
  set_scale(attributes, "a", *a);
  set_scale(attributes, "b", *b);
  put(q_op, {a->q, b->q}, std::move(attributes), std::string(n.name), *out);
  return true;
}

bool QdqRewriter::pool(NodeId id, const OpDef& q_op) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  const std::optional<Wanted> out = wanted(n.outputs[0]);
  if (!out) return reason(id, kNotQuantized);
  const Type& type = graph_.type(n.inputs[0]);
  if (!type.ranked || type.rank() < 3 || (type.rank() > 4 && &q_op == &ops::kQAveragePool))
    return reason(id, "only one and two spatial dimensions have integer kernels");
  Attributes attributes = n.attributes;
  set_scale(attributes, "x", *x);
  put(q_op, {x->q}, std::move(attributes), std::string(n.name), *out);
  return true;
}

// ReduceMean over all spatial axes is a global average pool.
bool QdqRewriter::mean(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  const Type& type = graph_.type(n.inputs[0]);
  const std::optional<Tensor> axes = n.inputs.size() > 1 ? constant(n.inputs[1]) : std::nullopt;
  const std::optional<Wanted> out = wanted(n.outputs[0]);
  if (!out) return reason(id, kNotQuantized);
  if (!type.ranked || type.rank() < 3 || !axes) return reason(id, "only means over the whole picture have an integer kernel");
  std::set<int64_t> which;
  for (const int64_t axis : to_int64(*axes)) which.insert(axis < 0 ? axis + type.rank() : axis);
  const bool whole = static_cast<int>(which.size()) == type.rank() - 2 && *which.begin() == 2;
  const bool keeps = n.attributes.get_int("keepdims", 1) != 0;
  if (!whole || (!keeps && type.rank() != 4)) return reason(id, "only means over the whole picture have an integer kernel");
  Attributes attributes;
  set_scale(attributes, "x", *x);
  const std::string name = n.name;
  if (keeps) {
    put(ops::kQGlobalAveragePool, {x->q}, std::move(attributes), name, *out);
    return true;
  }
  set_result(attributes, *out);
  const ValueId pooled = graph_.add1(ops::kQGlobalAveragePool, {x->q}, std::move(attributes), {.name = name});
  take_over(out->result, graph_.add1(ops::kFlatten, {pooled}, {{"axis", int64_t{1}}}, {.name = name + ".flatten"}));
  return true;
}

bool QdqRewriter::max_pool(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  if (n.outputs.size() > 1 && n.outputs[1] != kNone && graph_.use_count(n.outputs[1]) != 0) return reason(id, "its indices are read");
  const Type& type = graph_.type(n.inputs[0]);
  if (!type.ranked || type.rank() < 3 || type.rank() > 4) return reason(id, "only one and two spatial dimensions have integer kernels");
  Attributes attributes = n.attributes;
  attributes.erase("storage_order");
  const std::string name = n.name;
  const ValueId y = n.outputs[0];
  std::vector<ValueId> scales = graph_.producer(n.inputs[0])->inputs;
  scales[0] = graph_.add1(ops::kQMaxPool, {x->q}, std::move(attributes), {.name = name});
  take_over(y, graph_.add1(ops::kDequantizeLinear, std::move(scales)));
  return true;
}

bool QdqRewriter::concat(NodeId id) {
  const Node& n = graph_.node(id);
  std::vector<ValueId> inputs;
  std::vector<float> scales;
  std::vector<int64_t> zeros;
  bool same = true;
  std::optional<Dequantized> first;
  for (const ValueId v : n.inputs) {
    const std::optional<Dequantized> x = dequantized(v);
    if (!x) return inputs.empty() ? false : reason(id, "one of its inputs is in float");
    if (!first) first = x;
    same = same && same_scale(*x, *first);
    inputs.push_back(x->q);
    scales.push_back(x->scale);
    zeros.push_back(x->zero);
  }
  const std::optional<Wanted> out = wanted(n.outputs[0]);
  if (same && (!out || (out->scale == first->scale && out->range == ops::ByteRange::of(first->dtype == DType::kI8, first->zero))))
    return transparent(id);
  if (!out) return reason(id, kNotQuantized);
  Attributes attributes = n.attributes;
  attributes.set("x_scales", scales);
  attributes.set("x_zeros", zeros);
  put(ops::kQConcat, std::move(inputs), std::move(attributes), std::string(n.name), *out);
  return true;
}

// One quantized input, constants of one element besides: a table, filled by the float operator itself.
bool QdqRewriter::lookup(NodeId id) {
  const Node& n = graph_.node(id);
  std::optional<Dequantized> x;
  std::vector<std::optional<Tensor>> inputs;
  for (const ValueId v : n.inputs) {
    if (v == kNone) {
      inputs.push_back(std::nullopt);
      continue;
    }
    if (const std::optional<Tensor> c = constant(v)) {
      if (c->count() != 1) return false;
      inputs.push_back(c->reshaped(Shape{}));
      continue;
    }
    if (x) return false;
    x = dequantized(v);
    if (!x) return false;
    const std::vector<float> values = byte_values(*x);
    inputs.push_back(Tensor::of<float>(Shape{256}, std::span<const float>(values)));
  }
  if (!x || n.outputs.size() != 1 || graph_.type(n.outputs[0]).dims != graph_.type(x->q).dims) return false;
  const std::optional<Wanted> out = wanted(n.outputs[0]);
  if (!out) return reason(id, kNotQuantized);
  ThreadPool pool(1);
  const auto results = ops::evaluate(n, inputs, pool, Isa::kScalar);
  if (!results || (*results)[0].dtype() != DType::kF32 || (*results)[0].count() != 256) return false;
  const auto values = (*results)[0].values<float>();
  const std::string name = n.name;
  const ValueId table = graph_.add_constant(name + ".table", table_tensor({values.begin(), values.end()}, *out));
  take_over(out->result, graph_.add1(ops::kQLookup, {x->q, table}, {}, {.name = name}));
  return true;
}

// A Pad's zeros are zero points among the bytes.
bool QdqRewriter::pad(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  if (n.attributes.get_string("mode", "constant") == "constant") {
    const std::optional<float> filled = n.inputs.size() > 2 && n.inputs[2] != kNone ? scalar(n.inputs[2]) : std::optional(0.0f);
    if (!filled || *filled != 0) return reason(id, "it pads with something that is not zero");
    std::vector<ValueId> inputs = n.inputs;
    inputs.resize(std::max<size_t>(3, inputs.size()), kNone);
    const Tensor zero = from_double(x->dtype, Shape{}, std::vector<double>{static_cast<double>(x->zero)});
    inputs[2] = graph_.add_constant(graph_.value(n.outputs[0]).name + ".zero_point", zero);
    graph_.set_node_inputs(id, std::move(inputs));
  }
  return transparent(id);
}

// The node moves before the DequantizeLinear of its float inputs, which all have the same scale.
bool QdqRewriter::transparent(NodeId id) {
  const Node& n = graph_.node(id);
  std::vector<ValueId> inputs = n.inputs;
  std::optional<Dequantized> first;
  std::vector<ValueId> scales;
  for (ValueId& v : inputs) {
    if (v == kNone || graph_.type(v).dtype != DType::kF32) continue;
    const std::optional<Dequantized> x = dequantized(v);
    if (!x) return first ? reason(id, "one of its inputs is in float") : false;
    if (first && !same_scale(*first, *x)) return reason(id, "its inputs have different scales");
    if (!first) scales = graph_.producer(v)->inputs;
    first = x;
    v = x->q;
  }
  if (!first) return false;
  for (const ValueId v : n.outputs) {
    if (v != kNone && graph_.type(v).dtype != DType::kF32) return false;
  }
  const std::vector<ValueId> old = n.outputs;
  std::vector<std::string> names;
  for (const ValueId v : old) names.push_back(v == kNone ? "" : graph_.value(v).name + ".bytes");
  const std::vector<ValueId> results = graph_.add(*n.op, std::move(inputs), n.attributes, {.name = std::string(n.name), .output_names = names});
  for (size_t i = 0; i < old.size(); ++i) {
    if (old[i] == kNone || graph_.use_count(old[i]) == 0) continue;
    scales[0] = results[i];
    take_over(old[i], graph_.add1(ops::kDequantizeLinear, scales));
  }
  return true;
}

// Quantized straight after it was dequantized: nothing, or a change of scale.
bool QdqRewriter::requantize(NodeId id) {
  const Node& n = graph_.node(id);
  const std::optional<Dequantized> x = dequantized(n.inputs[0]);
  if (!x) return false;
  const ValueId y = n.outputs[0];
  const std::optional<float> scale = scalar(n.inputs[1]);
  const DType dtype = graph_.type(y).dtype;
  const std::optional<Tensor> zero = n.inputs.size() > 2 && n.inputs[2] != kNone ? constant(n.inputs[2]) : std::optional(Tensor::scalar<uint8_t>(0));
  if (!scale || !(*scale > 0) || !std::isfinite(*scale) || !zero || zero->count() != 1 || (dtype != DType::kU8 && dtype != DType::kI8)) return false;
  const Wanted w{y, *scale, dtype, ops::ByteRange::of(dtype == DType::kI8, static_cast<int32_t>(to_int64(*zero)[0]))};
  if (w.scale == x->scale && w.dtype == x->dtype && w.range.zero == x->zero && !graph_.is_output(y)) {
    graph_.replace_uses(y, x->q);
    return true;
  }
  const ValueId table = graph_.add_constant(graph_.value(y).name + ".table", table_tensor(byte_values(*x), w));
  take_over(y, graph_.add1(ops::kQLookup, {x->q, table}));
  return true;
}

// The picture that a network begins with: quantized and turned channels-last in one pass.
bool QdqRewriter::pixels(NodeId id) {
  const Node& n = graph_.node(id);
  const Value& x = graph_.value(n.inputs[0]);
  const ValueId y = n.outputs[0];
  if (x.kind != ValueKind::kInput || !x.type.ranked || x.type.rank() < 3 || !x.type.dim(1).is_constant() || x.type.dim(1).value < 2 ||
      x.type.dim(1).value > 4 || x.type.dtype != DType::kF32 || graph_.is_output(y)) {
    return false;
  }
  for (const Use& use : graph_.value(y).uses) {
    if (graph_.node(use.node).op != &ops::kQConv) return false;
  }
  const std::optional<float> scale = scalar(n.inputs[1]);
  const std::optional<Tensor> zero = n.inputs.size() > 2 && n.inputs[2] != kNone ? constant(n.inputs[2]) : std::optional(Tensor::scalar<uint8_t>(0));
  const DType dtype = graph_.type(y).dtype;
  if (!scale || !(*scale > 0) || !zero || zero->count() != 1 || (dtype != DType::kU8 && dtype != DType::kI8)) return false;
  put(ops::kQuantizePixels, {n.inputs[0]}, {}, std::string(n.name),
      {y, *scale, dtype, ops::ByteRange::of(dtype == DType::kI8, static_cast<int32_t>(to_int64(*zero)[0]))});
  return true;
}

}  // namespace omni::passes
