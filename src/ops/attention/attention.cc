// Attention (ai.onnx 23 to 25): softmax(Q Kᵀ · scale + mask) V with grouped heads, caches and windows: a composite of primitives.
//
// A mask says which keys a query may see; all conditions (boolean mask, causality, window, padding) are joined before one Where. A query that may see
// nothing gives a row of zeros.
#include <cmath>
#include <limits>

#include "ops/composer.h"
#include "ops/onnx_dtype.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {
    {"Q"}, {"K"}, {"V"}, {"attn_mask", kOptional}, {"past_key", kOptional}, {"past_value", kOptional}, {"nonpad_kv_seqlen", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}, {"present_key", kOptional}, {"present_value", kOptional}, {"qk_matmul_output", kOptional}};
constexpr AttributeDef kAttributes[] = {{"is_causal", AttributeKind::kInt},
                                        {"kv_num_heads", AttributeKind::kInt},
                                        {"left_window_size", AttributeKind::kInt},
                                        {"q_num_heads", AttributeKind::kInt},
                                        {"qk_matmul_output_mode", AttributeKind::kInt},
                                        {"right_window_size", AttributeKind::kInt},
                                        {"scale", AttributeKind::kFloat},
                                        {"softcap", AttributeKind::kFloat},
                                        {"softmax_precision", AttributeKind::kInt}};

void lower_25(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("left_window_size", -1) >= 0 || draft.attributes.get_int("right_window_size", -1) >= 0)
    throw Error(ErrorCode::kUnsupported, "windows need opset 25", draft.name, "export with opset 25 or newer");
  draft.attributes.erase("left_window_size");
  draft.attributes.erase("right_window_size");
}
void lower_24(const Graph&, NodeDraft& draft) {
  if (draft.inputs.size() > 6 && draft.inputs[6] != kNone)
    throw Error(ErrorCode::kUnsupported, "nonpad_kv_seqlen needs opset 24", draft.name, "export with opset 24 or newer");
  draft.inputs.resize(std::min<size_t>(6, draft.inputs.size()));
}
constexpr OpVersion kVersions[] = {{25}, {24, nullptr, lower_25}, {23, nullptr, lower_24}};

// Sizes of the operands as [batch, heads, length, head size].
struct Operand {
  Dim batch, heads, length, size;
};

Operand operand(InferContext& c, int i, const char* heads_attribute) {
  const Type& t = c.input(i);
  if (t.rank() == 4) return {t.dim(0), t.dim(1), t.dim(2), t.dim(3)};
  const int64_t heads = c.attributes.get_int(heads_attribute, 0);
  if (heads < 1) c.fail("inputs of rank 3 need q_num_heads and kv_num_heads");
  if (t.dim(2).is_constant() && t.dim(2).value % heads != 0) c.fail("the heads do not divide the hidden size of input " + std::to_string(i));
  return {t.dim(0), heads, t.dim(1), c.dims.floor_div(t.dim(2), heads)};
}

void check_ranks(const InferContext& c) {
  const int rank = c.input(0).ranked ? c.input(0).rank() : 0;
  for (int i = 0; i < 3; ++i) {
    if (!c.input(i).ranked || c.input(i).rank() != rank || (rank != 3 && rank != 4)) c.fail("Q, K and V must all be of rank 3 or all of rank 4");
    if (!is_float(c.input(i).dtype)) c.fail("Q, K and V must be of a float type");
  }
  if (c.has_input(4) != c.has_input(5)) c.fail("past_key and past_value go together");
  if (c.has_input(6) && c.has_input(4)) c.fail("nonpad_kv_seqlen and past_key exclude each other");
  for (int i = 4; i < 6; ++i) {
    if (c.has_input(i) && (!c.input(i).ranked || c.input(i).rank() != 4)) c.fail("past_key and past_value are of rank 4");
  }
  if (c.has_input(3) && (!c.input(3).ranked || c.input(3).rank() < 1 || c.input(3).rank() > 4)) c.fail("attn_mask is of rank 1 to 4");
  if (c.has_input(3) && c.input(3).dtype != DType::kBool && !is_float(c.input(3).dtype)) c.fail("attn_mask is bool or of a float type");
  if (c.has_input(6) && (c.input(6).dtype != DType::kI64 || !c.input(6).ranked || c.input(6).rank() != 1))
    c.fail("nonpad_kv_seqlen is i64 of rank 1");
  const int64_t mode = c.attributes.get_int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) c.fail("qk_matmul_output_mode is " + std::to_string(mode));
  if (c.attributes.get_int("left_window_size", -1) < -1 || c.attributes.get_int("right_window_size", -1) < -1) c.fail("a window size below -1");
  if (c.attributes.has("softmax_precision")) {
    const std::optional<DType> precision = from_onnx(c.attributes.get_int("softmax_precision", 0));
    if (!precision || !is_float(*precision)) c.fail("softmax_precision is no float type that is known");
  }
}

void infer(InferContext& c) {
  check_ranks(c);
  const Operand q = operand(c, 0, "q_num_heads"), k = operand(c, 1, "kv_num_heads"), v = operand(c, 2, "kv_num_heads");
  const bool known = q.heads.is_constant() && k.heads.is_constant();
  if (known && (k.heads.value < 1 || q.heads.value % k.heads.value != 0)) c.fail("the heads of K do not divide those of Q");
  if (k.heads.is_constant() && v.heads.is_constant() && k.heads != v.heads) c.fail("K and V differ in heads");
  if (q.size.is_constant() && k.size.is_constant() && q.size != k.size) c.fail("Q and K differ in head size");
  const Dim total = c.has_input(4) ? c.dims.add(c.input(4).dim(2), k.length) : k.length;
  const DType dtype = c.input(0).dtype;
  if (c.input(0).rank() == 4)
    c.set(0, Type(dtype, std::vector<Dim>{q.batch, q.heads, q.length, v.size}));
  else
    c.set(0, Type(dtype, std::vector<Dim>{q.batch, q.length, c.dims.mul(q.heads, v.size)}));
  if (c.wants_output(1)) c.set(1, Type(c.input(1).dtype, std::vector<Dim>{k.batch, k.heads, total, k.size}));
  if (c.wants_output(2)) c.set(2, Type(c.input(2).dtype, std::vector<Dim>{v.batch, v.heads, total, v.size}));
  if (c.wants_output(3)) c.set(3, Type(dtype, std::vector<Dim>{q.batch, q.heads, q.length, total}));
}

struct Expansion {
  Composer b;
  const Attributes& a;
  std::vector<ValueId> inputs;

  ValueId input(size_t i) const { return i < inputs.size() ? inputs[i] : kNone; }
  ValueId minus_infinity(ValueId like) const { return number(b.g, like, -std::numeric_limits<double>::infinity()); }

  // [batch, heads, length, size].
  ValueId by_heads(ValueId x, const char* heads) const {
    if (b.g.type(x).rank() == 4) return x;
    return b.transpose(b.reshape(x, {0, 0, a.get_int(heads, 1), -1}), {0, 2, 1, 3});
  }

  // Which keys a query may see by its position: [queries, keys], or [batch, 1, queries, keys] under nonpad_kv_seqlen. kNone: all.
  ValueId by_position(ValueId q, ValueId k) const {
    const bool causal = a.get_int("is_causal", 0) != 0;
    const int64_t left = a.get_int("left_window_size", -1), right = a.get_int("right_window_size", -1);
    const ValueId keys = b.range(b.whole(0), b.size_scalar(k, 2));
    ValueId allowed = kNone;
    if (causal || left >= 0 || right >= 0) {
      ValueId at = b.unsqueeze(b.range(b.whole(0), b.size_scalar(q, 2)), {1});  // [queries, 1]
      if (input(4) != kNone) at = b.add(at, b.size(input(4), 2));
      if (input(6) != kNone) at = b.add(at, b.unsqueeze(b.sub(input(6), b.size(q, 2)), {1, 2, 3}));
      if (causal) allowed = b.g.add1(kLessOrEqual, {keys, at});
      if (left >= 0) allowed = b.both(allowed, b.g.add1(kGreaterOrEqual, {keys, b.sub(at, b.whole(left))}));
      if (right >= 0) allowed = b.both(allowed, b.g.add1(kLessOrEqual, {keys, b.add(at, b.whole(right))}));
    }
    if (input(6) != kNone) allowed = b.both(allowed, b.g.add1(kLess, {keys, b.unsqueeze(input(6), {1, 2, 3})}));
    return allowed;
  }

  // The mask with its last dimension filled up to the keys: with false, or minus infinity. One of 1 broadcasts unless the keys are more.
  ValueId filled(ValueId mask, ValueId k) const {
    const Dim have = b.g.type(mask).dim(-1), want = b.g.type(k).dim(2);
    if (have == want) return mask;
    const ValueId missing = b.sub(b.size(k, 2), b.size(mask, b.g.type(mask).rank() - 1));
    const bool is_bool = b.g.type(mask).dtype == DType::kBool;
    const ValueId fill = is_bool ? b.g.add_constant("false", Tensor::scalar(false)) : minus_infinity(mask);
    return b.g.add1(kPad, {mask, b.concat({b.ints({0}), missing}, 0), fill, b.ints({-1})});
  }

  // Heads that share a key stand beside each other: every head of x as often as q has heads for it.
  ValueId repeated(ValueId x, ValueId q) const {
    const Dim have = b.g.type(x).dim(1), want = b.g.type(q).dim(1);
    if (have == want) return x;
    const bool known = have.is_constant() && want.is_constant() && have.value > 0;
    const ValueId times = known ? b.ints({want.value / have.value}) : b.div(b.size(q, 1), b.size(x, 1));
    const ValueId one = b.ints({1});
    const ValueId each = b.g.add1(kExpand, {b.unsqueeze(x, {2}), b.concat({one, one, times, one, one}, 0)});
    return b.reshape_to(each, b.concat({b.ints({0}), b.size(q, 1), b.size(x, 2), b.size(x, 3)}, 0));
  }

  // Probabilities; rows of nothing but minus infinity are 0.
  ValueId softmax(ValueId scores, bool guarded) const {
    const DType dtype = b.g.type(scores).dtype;
    const std::optional<DType> precision = from_onnx(a.get_int("softmax_precision", 0));
    ValueId x = precision ? cast_to(b.g, scores, *precision) : scores;
    ValueId y = b.g.add1(kSoftmax, {x}, {{"axis", int64_t{-1}}});
    if (guarded) {
      const ValueId empty = b.g.add1(kEqual, {b.reduce(kReduceMax, x, {-1}, true), minus_infinity(x)});
      y = b.where(empty, number(b.g, y, 0), y);
    }
    return cast_to(b.g, y, dtype);
  }

  std::vector<ValueId> run(size_t outputs) const;
};

std::vector<ValueId> Expansion::run(size_t outputs) const {
  const bool flat = b.g.type(inputs[0]).rank() == 3;
  const ValueId q = by_heads(inputs[0], "q_num_heads");
  ValueId k = by_heads(inputs[1], "kv_num_heads"), v = by_heads(inputs[2], "kv_num_heads");
  if (input(4) != kNone) {
    k = b.concat({input(4), k}, 2);
    v = b.concat({input(5), v}, 2);
  }
  ValueId scaled = q;
  if (a.has("scale")) {
    scaled = b.mul(q, static_cast<double>(a.get_float("scale", 1)));
  } else if (const Dim size = b.g.type(q).dim(3); size.is_constant()) {
    scaled = b.mul(q, 1 / std::sqrt(static_cast<double>(std::max<int64_t>(1, size.value))));
  } else {
    scaled = b.div(q, b.g.add1(kSqrt, {cast_to(b.g, b.size(q, 3), b.g.type(q).dtype)}));
  }
  ValueId scores = b.matmul(scaled, b.swap_last(repeated(k, q)));
  const int64_t mode = a.get_int("qk_matmul_output_mode", 0);
  ValueId shown = scores;
  if (const float cap = a.get_float("softcap", 0); cap > 0)
    scores = b.mul(b.g.add1(kTanh, {b.mul(scores, 1.0 / static_cast<double>(cap))}), static_cast<double>(cap));
  if (mode == 1) shown = scores;
  ValueId allowed = by_position(q, k), mask = input(3);
  if (mask != kNone) {
    mask = filled(mask, k);
    if (b.g.type(mask).dtype == DType::kBool)
      allowed = b.both(allowed, mask);
    else
      scores = b.add(scores, cast_to(b.g, mask, b.g.type(scores).dtype));
  }
  if (allowed != kNone) scores = b.where(allowed, scores, minus_infinity(scores));
  if (mode == 2) shown = scores;
  const ValueId weights = softmax(scores, allowed != kNone || mask != kNone);
  if (mode == 3) shown = weights;
  const ValueId mix = cast_to(b.g, weights, b.g.type(v).dtype);
  ValueId y = b.matmul(mix, repeated(v, q));
  y = cast_to(b.g, y, b.g.type(q).dtype);
  if (flat) y = b.reshape(b.transpose(y, {0, 2, 1, 3}), {0, 0, -1});
  std::vector<ValueId> results = {y, k, v, shown};
  results.resize(outputs);
  return results;
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const Attributes attributes = n.attributes;
  const size_t outputs = n.outputs.size();
  return Expansion{Composer(g), attributes, n.inputs}.run(outputs);
}

}  // namespace

constinit const OpDef kAttention = {
    .name = "Attention", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .versions = kVersions, .infer = infer, .expand = expand};

}  // namespace omni::ops
