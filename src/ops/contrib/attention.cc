// Attention, QAttention, MultiHeadAttention (com.microsoft): projections, heads, masks and caches around ai.onnx.Attention.
#include "ops/contrib/heads.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {
    {"input"},           {"weights", 0, ParamKind::kWeight}, {"bias", kOptional, ParamKind::kBias}, {"mask_index", kOptional},
    {"past", kOptional}, {"attention_bias", kOptional},      {"past_sequence_length", kOptional}};
constexpr Formal kQInputs[] = {{"input"},
                               {"weight"},
                               {"bias"},
                               {"input_scale"},
                               {"weight_scale"},
                               {"mask_index", kOptional},
                               {"input_zero_point", kOptional},
                               {"weight_zero_point", kOptional},
                               {"past", kOptional}};
constexpr Formal kMultiInputs[] = {{"query"},
                                   {"key", kOptional},
                                   {"value", kOptional},
                                   {"bias", kOptional, ParamKind::kBias},
                                   {"key_padding_mask", kOptional},
                                   {"attention_bias", kOptional},
                                   {"past_key", kOptional},
                                   {"past_value", kOptional},
                                   {"past_sequence_length", kOptional},
                                   {"cache_indirection", kOptional}};
constexpr Formal kOutputs[] = {{"output"}, {"present", kOptional}};
constexpr Formal kMultiOutputs[] = {{"output"}, {"present_key", kOptional}, {"present_value", kOptional}, {"qk", kOptional}};
constexpr AttributeDef kAttributes[] = {{"do_rotary", AttributeKind::kInt},         {"mask_filter_value", AttributeKind::kFloat},
                                        {"num_heads", AttributeKind::kInt, true},   {"past_present_share_buffer", AttributeKind::kInt},
                                        {"qkv_hidden_sizes", AttributeKind::kInts}, {"rotary_embedding_dim", AttributeKind::kInt},
                                        {"scale", AttributeKind::kFloat},           {"unidirectional", AttributeKind::kInt}};
constexpr AttributeDef kQAttributes[] = {{"do_rotary", AttributeKind::kInt},       {"mask_filter_value", AttributeKind::kFloat},
                                         {"num_heads", AttributeKind::kInt, true}, {"past_present_share_buffer", AttributeKind::kInt},
                                         {"scale", AttributeKind::kFloat},         {"unidirectional", AttributeKind::kInt}};
constexpr AttributeDef kMultiAttributes[] = {{"mask_filter_value", AttributeKind::kFloat},
                                             {"num_heads", AttributeKind::kInt, true},
                                             {"scale", AttributeKind::kFloat},
                                             {"unidirectional", AttributeKind::kInt}};

int64_t heads_of(const Parts& p) {
  const int64_t heads = p.integer("num_heads", 0);
  p.require(heads > 0 && heads <= INT32_MAX, "num_heads is out of range");
  return heads;
}

ValueId part(const Parts& p, ValueId x, int64_t axis, int64_t from, int64_t size) { return p.slice(x, axis, from, from + size); }

// Attention over a projection [B, S, q + k + v].
std::vector<ValueId> attend_projection(const Parts& p, ValueId qkv, std::vector<int64_t> sizes, ValueId mask, ValueId past, ValueId bias) {
  const int64_t total = p.known(qkv, 2, "the size of the projection");
  p.require(p.rank(qkv) == 3, "the input is not of rank 3");
  if (sizes.empty()) {
    p.require(total % 3 == 0, "the projection does not divide into three");
    sizes.assign(3, total / 3);
  }
  p.require(sizes.size() == 3, "qkv_hidden_sizes does not hold three sizes");
  for (const int64_t s : sizes) p.require(s > 0 && s <= total, "qkv_hidden_sizes is out of range");
  p.require(sizes[0] == sizes[1] && sizes[0] + sizes[1] + sizes[2] == total, "qkv_hidden_sizes does not fit the projection");
  const int64_t heads = heads_of(p);
  AttentionParts a;
  a.q = split_heads(p, part(p, qkv, 2, 0, sizes[0]), heads);
  a.k = split_heads(p, part(p, qkv, 2, sizes[0], sizes[1]), heads);
  a.v = split_heads(p, part(p, qkv, 2, 2 * sizes[0], sizes[2]), heads);
  if (past != kNone) {
    p.require(p.rank(past) == 5, "past is not of rank 5");
    a.past_key = p.squeeze(part(p, past, 0, 0, 1), {0});
    a.past_value = p.squeeze(part(p, past, 0, 1, 1), {0});
  }
  if (mask != kNone) {
    const ValueId keys = past == kNone ? a.k : p.concat({a.past_key, a.k}, 2);
    a.mask = padding_mask(p, mask, qkv, keys, p.dtype(qkv));
  }
  if (bias != kNone) a.mask = a.mask == kNone ? bias : p.add(a.mask, bias);
  a.causal = p.integer("unidirectional", 0) != 0;
  a.scale = p.real("scale", 0);
  const std::vector<ValueId> r = attend(p, a);
  std::vector<ValueId> results = {join_heads(p, r[0])};
  if (p.wants(1)) results.push_back(p.concat({p.unsqueeze(r[1], {0}), p.unsqueeze(r[2], {0})}, 0));
  return results;
}

void refuse_rotation(const Parts& p) {
  p.require_supported(p.integer("do_rotary", 0) == 0, "do_rotary without tables of angles");
  p.require_supported(p.integer("past_present_share_buffer", 0) == 0, "a cache that past and present share");
}

std::vector<ValueId> expand_attention(Graph& g, const Node& n) {
  const Parts p(g, n);
  refuse_rotation(p);
  p.require(p.rank(p.in(0)) == 3 && p.rank(p.in(1)) == 2, "the input is not of rank 3 or the weights are no matrix");
  ValueId qkv = p.matmul(p.in(0), p.in(1));
  if (p.has(2)) qkv = p.add(qkv, p.in(2));
  return attend_projection(p, qkv, p.attributes.get_ints("qkv_hidden_sizes"), p.in(3), p.in(4), p.in(5));
}

std::vector<ValueId> expand_quantized(Graph& g, const Node& n) {
  const Parts p(g, n);
  refuse_rotation(p);
  p.require(p.rank(p.in(0)) == 3 && p.rank(p.in(1)) == 2, "the input is not of rank 3 or the weight is no matrix");
  for (size_t i = 0; i < 2; ++i) {
    p.require(p.dtype(p.in(i)) == DType::kI8 || p.dtype(p.in(i)) == DType::kU8, "the input or the weight is not of bytes");
    p.require(!p.has(6 + i) || p.dtype(p.in(6 + i)) == p.dtype(p.in(i)), "a zero point has another element type than its tensor");
  }
  const ValueId x = p.dequantize(p.in(0), p.in(3), p.in(6)), w = p.dequantize(p.in(1), p.in(4), p.in(7), 1);
  return attend_projection(p, p.add(p.matmul(x, w), p.in(2)), {}, p.in(5), p.in(8), kNone);
}

// Queries, keys and values from whichever form they come in, with the bias, by heads.
AttentionParts operands(const Parts& p, int64_t heads) {
  AttentionParts a;
  ValueId bias[3] = {kNone, kNone, kNone};
  const auto plain = [&](ValueId v, int i) { return split_heads(p, bias[i] == kNone ? v : p.add(v, bias[i]), heads); };
  const auto packed = [&](ValueId v, int64_t at, int i) {  // [B, S, N, parts, H]
    const ValueId x = p.squeeze(part(p, v, 3, at, 1), {3});
    return plain(p.reshape(x, {0, 0, heads * p.known(x, 3, "the head size")}), i);
  };
  const int rank = p.rank(p.in(0));
  p.require(rank == 3 || rank == 5, "the query is of rank 3 or 5");
  if (rank == 5) {
    p.require(!p.has(1) && !p.has(2) && p.dim(p.in(0), 3) == Dim(3) && p.dim(p.in(0), 2) == Dim(heads),
              "a packed query is [B, S, heads, 3, size] and has no key beside it");
    p.require_supported(!p.has(3), "a bias of packed queries, keys and values");
    a.q = packed(p.in(0), 0, 0);
    a.k = packed(p.in(0), 1, 1);
    a.v = packed(p.in(0), 2, 2);
    return a;
  }
  p.require(p.has(1), "the key is missing");
  const int64_t hidden = p.known(p.in(0), 2, "the hidden size");
  const int key_rank = p.rank(p.in(1));
  if (p.has(3)) {
    const int64_t total = p.known(p.in(3), 0, "the size of the bias");
    p.require(p.rank(p.in(3)) == 1 && total > 2 * hidden, "the bias does not fit the hidden size");
    bias[0] = part(p, p.in(3), 0, 0, hidden);
    bias[1] = part(p, p.in(3), 0, hidden, hidden);
    bias[2] = part(p, p.in(3), 0, 2 * hidden, total - 2 * hidden);
  }
  a.q = plain(p.in(0), 0);
  if (key_rank == 5) {
    p.require(!p.has(2) && p.dim(p.in(1), 3) == Dim(2) && p.dim(p.in(1), 2) == Dim(heads),
              "a packed key is [B, L, heads, 2, size] and has no value beside it");
    a.k = packed(p.in(1), 0, 1);
    a.v = packed(p.in(1), 1, 2);
    return a;
  }
  p.require(p.has(2) && p.rank(p.in(2)) == key_rank && (key_rank == 3 || key_rank == 4), "key and value are both of rank 3 or both of rank 4");
  a.k = key_rank == 3 ? plain(p.in(1), 1) : p.in(1);
  a.v = key_rank == 3 ? plain(p.in(2), 2) : p.in(2);
  return a;
}

std::vector<ValueId> expand_multi(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require_supported(!p.has(8) && !p.has(9), "past_sequence_length and cache_indirection");
  p.require_supported(!p.wants(3), "the product of queries and keys as an output");
  AttentionParts a = operands(p, heads_of(p));
  p.require(p.has(6) == p.has(7), "past_key and past_value go together");
  a.past_key = p.in(6);
  a.past_value = p.in(7);
  if (p.has(6)) p.require(p.rank(a.past_key) == 4 && p.rank(a.past_value) == 4, "past_key and past_value are of rank 4");
  if (p.has(4)) {
    const ValueId keys = a.past_key == kNone ? a.k : p.concat({a.past_key, a.k}, 2);
    a.mask = padding_mask(p, p.in(4), a.q, keys, p.dtype(a.q));
  }
  if (p.has(5)) a.mask = a.mask == kNone ? p.in(5) : p.add(a.mask, p.in(5));
  a.causal = p.integer("unidirectional", 0) != 0;
  a.scale = p.real("scale", 0);
  std::vector<ValueId> r = attend(p, a);
  r[0] = join_heads(p, r[0]);
  return r;
}

}  // namespace

constinit const OpDef kMsAttention = composite<expand_attention>("com.microsoft", "Attention", kInputs, kOutputs, kAttributes);
constinit const OpDef kMsQAttention = composite<expand_quantized>("com.microsoft", "QAttention", kQInputs, kOutputs, kQAttributes);
constinit const OpDef kMsMultiHeadAttention = composite<expand_multi>("com.microsoft", "MultiHeadAttention", kMultiInputs, kMultiOutputs, kMultiAttributes);

}  // namespace omni::ops
