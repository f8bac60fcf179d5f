// GroupQueryAttention (com.microsoft): attention of a decoder with a cache whose sequences have lengths of their own.
//
// seqlens_k + 1 is how many keys each sequence has after this step. In a first step (as many new tokens as total_sequence_length says) every sequence
// begins at 0 and may be padded on the right; in later ones the new tokens are its last. The present holds max(cache, total) positions: those before
// a sequence's new tokens from the cache, then the new ones, then zeros.
#include <limits>

#include "ops/contrib/heads.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"query"},
                              {"key", kOptional},
                              {"value", kOptional},
                              {"past_key", kOptional},
                              {"past_value", kOptional},
                              {"seqlens_k"},
                              {"total_sequence_length"},
                              {"cos_cache", kOptional},
                              {"sin_cache", kOptional},
                              {"position_ids", kOptional},
                              {"attention_bias", kOptional},
                              {"head_sink", kOptional},
                              {"k_scale", kOptional},
                              {"v_scale", kOptional},
                              {"q_norm_weight", kOptional},
                              {"k_norm_weight", kOptional},
                              {"query_seqlens", kOptional}};
constexpr Formal kOutputs[] = {{"output"}, {"present_key", kOptional}, {"present_value", kOptional}, {"output_qk", kOptional}};
constexpr AttributeDef kAttributes[] = {{"causal", AttributeKind::kInt},
                                        {"do_rotary", AttributeKind::kInt},
                                        {"k_norm_epsilon", AttributeKind::kFloat},
                                        {"k_quant_type", AttributeKind::kString},
                                        {"kv_cache_bit_width", AttributeKind::kInt},
                                        {"kv_num_heads", AttributeKind::kInt, true},
                                        {"local_window_size", AttributeKind::kInt},
                                        {"num_heads", AttributeKind::kInt, true},
                                        {"q_norm_epsilon", AttributeKind::kFloat},
                                        {"qk_norm_epsilon", AttributeKind::kFloat},
                                        {"qk_output", AttributeKind::kInt},
                                        {"rotary_interleaved", AttributeKind::kInt},
                                        {"scale", AttributeKind::kFloat},
                                        {"sliding_window_cache", AttributeKind::kInt},
                                        {"smooth_softmax", AttributeKind::kInt},
                                        {"softcap", AttributeKind::kFloat},
                                        {"v_quant_type", AttributeKind::kString}};

enum In : size_t {
  kQuery,
  kKey,
  kValue,
  kPastKey,
  kPastValue,
  kLengths,
  kTotal,
  kCos,
  kSin,
  kPositions,
  kBias,
  kSink,
  kKeyScale,
  kValueScale,
  kQueryNorm,
  kKeyNorm,
  kQueryLengths
};

class Decoder {
 public:
  Decoder(Graph& g, const Node& n) : p_(g, n) {}
  std::vector<ValueId> run();

 private:
  void check() const;
  void split();
  void place();
  ValueId normalized(ValueId x, size_t weight, const char* epsilon) const;
  ValueId rotated(ValueId x) const;
  ValueId present(ValueId past, ValueId now) const;
  ValueId mask(ValueId keys) const;
  void add_sink(ValueId& mask, ValueId& k, ValueId& v) const;

  Parts p_;
  ValueId q_ = kNone, k_ = kNone, v_ = kNone;  // [B, heads, S, H]
  ValueId new_count_ = kNone, total_ = kNone;  // scalars
  ValueId begin_ = kNone, end_ = kNone;        // [B]: where the new tokens begin, how many keys there are then
  ValueId at_ = kNone;                         // [B, S]: the positions of the new tokens
};

void Decoder::check() const {
  p_.require_supported(!p_.has(kKeyScale) && !p_.has(kValueScale) && p_.attributes.get_string("k_quant_type", "NONE") == "NONE" &&
                           p_.attributes.get_string("v_quant_type", "NONE") == "NONE",
                       "a quantized cache");
  p_.require_supported(!p_.has(kQueryLengths), "query_seqlens");
  p_.require_supported(!p_.wants(3), "the product of queries and keys as an output");
  p_.require_supported(p_.integer("sliding_window_cache", 0) == 0, "a cache that holds a window only");
  p_.require(p_.has(kPastKey) == p_.has(kPastValue), "past_key and past_value go together");
  p_.require(p_.has(kKey) == p_.has(kValue), "key and value go together");
  for (const size_t i : {kPastKey, kPastValue}) p_.require(!p_.has(i) || p_.rank(p_.in(i)) == 4, "past_key and past_value are of rank 4");
  for (const size_t i : {kLengths, kTotal}) p_.require(p_.dtype(p_.in(i)) == DType::kI32, "seqlens_k and total_sequence_length are i32");
}

void Decoder::split() {
  const int64_t heads = p_.integer("num_heads", 0), groups = p_.integer("kv_num_heads", 0);
  p_.require(heads > 0 && heads <= 65536 && groups > 0 && heads % groups == 0, "kv_num_heads does not divide num_heads");
  p_.require(p_.rank(p_.in(kQuery)) == 3, "the query is not of rank 3");
  ValueId q = p_.in(kQuery), k = p_.in(kKey), v = p_.in(kValue);
  if (k == kNone) {
    const int64_t all = p_.known(q, 2, "the hidden size"), size = all / (heads + 2 * groups);
    p_.require(size > 0 && all == size * (heads + 2 * groups), "the packed query does not divide into its heads");
    k = p_.slice(q, 2, heads * size, (heads + groups) * size);
    v = p_.slice(q, 2, (heads + groups) * size, all);
    q = p_.slice(q, 2, 0, heads * size);
  }
  q_ = normalized(split_heads(p_, q, heads), kQueryNorm, "q_norm_epsilon");
  k_ = normalized(split_heads(p_, k, groups), kKeyNorm, "k_norm_epsilon");
  v_ = split_heads(p_, v, groups);
}

ValueId Decoder::normalized(ValueId x, size_t weight, const char* epsilon) const {
  if (!p_.has(weight)) return x;
  const double e = p_.real(epsilon, p_.real("qk_norm_epsilon", 1e-6));
  return p_.make(kRMSNormalization, {x, p_.in(weight)}, {{"epsilon", static_cast<float>(e)}});
}

void Decoder::place() {
  new_count_ = p_.size_scalar(q_, 2);
  total_ = p_.as(p_.reshape(p_.in(kTotal), {}), DType::kI64);
  end_ = p_.add(p_.as(p_.reshape(p_.in(kLengths), {-1}), DType::kI64), p_.whole(1));
  begin_ = p_.where(p_.make(kEqual, {new_count_, total_}), p_.whole(0), p_.sub(end_, new_count_));
  at_ = p_.add(p_.unsqueeze(begin_, {1}), p_.range(p_.whole(0), new_count_));
}

ValueId Decoder::rotated(ValueId x) const {
  if (p_.integer("do_rotary", 0) == 0) return x;
  p_.require(p_.has(kCos) && p_.has(kSin), "do_rotary needs cos_cache and sin_cache");
  p_.require(p_.rank(p_.in(kCos)) == 2 && p_.rank(p_.in(kSin)) == 2, "a table of angles is not of rank 2");
  const int64_t size = 2 * p_.known(p_.in(kCos), 1, "the width of the table");
  return p_.make(kRotaryEmbedding, {x, p_.in(kCos), p_.in(kSin), p_.has(kPositions) ? p_.in(kPositions) : at_},
                 {{"interleaved", p_.integer("rotary_interleaved", 0)}, {"rotary_embedding_dim", size}});
}

// By rows of one head: each position of a sequence from the cache, or from the new tokens behind it.
ValueId Decoder::present(ValueId past, ValueId now) const {
  if (past == kNone) return now;
  const int64_t groups = p_.known(now, 1, "the number of heads"), size = p_.known(now, 3, "the head size");
  const ValueId room = p_.size_scalar(past, 2), count = p_.make(kMax, {room, total_});
  const ValueId at = p_.range(p_.whole(0), count), begin = p_.unsqueeze(begin_, {1});    // [T], [B, 1]
  const ValueId fresh = p_.make(kMin, {p_.sub(at, begin), new_count_});                  // behind them: a row of zeros
  const ValueId index = p_.where(p_.make(kLess, {at, begin}), at, p_.add(room, fresh));  // [B, T]
  const ValueId zeros = p_.make(kPad, {now, p_.ints({0, 1}), number(p_.g, now, 0), p_.ints({2})});
  const ValueId all = p_.concat({past, zeros}, 2), width = p_.size(index, 1);
  const ValueId spread = p_.make(kExpand, {p_.unsqueeze(index, {1, 3}), p_.concat({p_.size(now, 0), p_.ints({groups}), width, p_.ints({1})}, 0)});
  const ValueId rows = p_.reshape_to(all, p_.concat({p_.ints({-1}), p_.size(all, 2), p_.ints({size})}, 0));
  const ValueId taken =
      p_.make(kGatherND, {rows, p_.reshape_to(spread, p_.concat({p_.ints({-1}), width, p_.ints({1})}, 0))}, {{"batch_dims", int64_t{1}}});
  return p_.reshape_to(taken, p_.concat({p_.size(now, 0), p_.ints({groups}), width, p_.ints({size})}, 0));
}

// Which keys a new token sees, [B, 1, S, T], with the bias where there is one.
ValueId Decoder::mask(ValueId keys) const {
  const ValueId at = p_.range(p_.whole(0), p_.size_scalar(keys, 2)), own = p_.unsqueeze(at_, {1, 3});
  ValueId seen = p_.integer("causal", 1) != 0 ? p_.make(kLessOrEqual, {at, own}) : p_.make(kLess, {at, p_.unsqueeze(end_, {1, 2, 3})});
  if (const int64_t window = p_.integer("local_window_size", -1); window > 0) {
    seen = p_.both(seen, p_.make(kGreater, {at, p_.sub(own, p_.whole(window))}));
  }
  if (!p_.has(kBias)) return seen;
  p_.require(is_float(p_.dtype(p_.in(kBias))), "attention_bias is not of a float type");
  return p_.where(seen, p_.in(kBias), number(p_.g, p_.in(kBias), -std::numeric_limits<double>::infinity()));
}

// One more key, all 0, whose score is the sink's (0 for a smooth softmax) and whose value is 0: it only adds to the sum of the softmax.
void Decoder::add_sink(ValueId& mask, ValueId& k, ValueId& v) const {
  if (!p_.has(kSink) && p_.integer("smooth_softmax", -1) != 1) return;
  const DType type = p_.dtype(q_);
  if (p_.dtype(mask) == DType::kBool) {
    const ValueId zero = p_.g.add_constant("seen", from_double(type, Shape{}, std::vector<double>{0}));
    mask = p_.where(mask, zero, number(p_.g, zero, -std::numeric_limits<double>::infinity()));
  }
  const int64_t heads = p_.known(q_, 1, "the number of heads");
  const ValueId zeros = p_.g.add_constant("sink", Tensor(type, Shape{heads}));
  const ValueId sink = p_.reshape(p_.has(kSink) ? p_.as(p_.in(kSink), type) : zeros, {1, heads, 1, 1});
  const ValueId rows = p_.concat({p_.size(q_, 0), p_.ints({heads}), p_.size(q_, 2)}, 0);
  const ValueId width = p_.size(k, 2);
  const auto spread = [&](ValueId x, ValueId last) { return p_.make(kExpand, {x, p_.concat({rows, last}, 0)}); };
  mask = p_.concat({spread(mask, width), spread(sink, p_.ints({1}))}, 3);
  const auto longer = [&](ValueId x) { return p_.make(kPad, {x, p_.ints({0, 1}), number(p_.g, x, 0), p_.ints({2})}); };
  k = longer(k);
  v = longer(v);
}

std::vector<ValueId> Decoder::run() {
  check();
  split();
  place();
  q_ = rotated(q_);
  k_ = rotated(k_);
  const ValueId present_key = present(p_.in(kPastKey), k_), present_value = present(p_.in(kPastValue), v_);
  AttentionParts a;
  a.q = q_;
  a.k = present_key;
  a.v = present_value;
  a.mask = mask(present_key);
  add_sink(a.mask, a.k, a.v);
  a.scale = p_.real("scale", 0);
  a.softcap = p_.real("softcap", 0);
  return {join_heads(p_, attend(p_, a)[0]), present_key, present_value};
}

std::vector<ValueId> expand(Graph& g, const Node& n) { return Decoder(g, n).run(); }

}  // namespace

constinit const OpDef kMsGroupQueryAttention = composite<expand>("com.microsoft", "GroupQueryAttention", kInputs, kOutputs, kAttributes);

}  // namespace omni::ops
