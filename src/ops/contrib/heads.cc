#include "ops/contrib/heads.h"

namespace omni::ops {

ValueId split_heads(const Parts& p, ValueId x, int64_t heads) {
  p.require(p.rank(x) == 3 && heads > 0, "a tensor of rank 3 and a number of heads are expected");
  const int64_t hidden = p.known(x, 2, "the hidden size");
  p.require(hidden % heads == 0, "the number of heads does not divide the hidden size");
  return p.transpose(p.reshape(x, {0, 0, heads, hidden / heads}), {0, 2, 1, 3});
}

ValueId join_heads(const Parts& p, ValueId x) {
  return p.reshape(p.transpose(x, {0, 2, 1, 3}), {0, 0, p.known(x, 1, "the number of heads") * p.known(x, 3, "the head size")});
}

ValueId padding_mask(const Parts& p, ValueId mask, ValueId batch, ValueId keys, DType type) {
  p.require(p.dtype(mask) == DType::kI32, "the mask is not i32");
  const double filter = p.real("mask_filter_value", -10000);
  const auto penalty = [&](ValueId seen) {
    const ValueId zero = p.g.add_constant("seen", from_double(type, Shape{}, std::vector<double>{0}));
    return p.where(seen, zero, number(p.g, zero, filter));
  };
  const int rank = p.rank(mask);
  p.require_supported(rank >= 1 && rank <= 3, "a mask of rank " + std::to_string(rank));
  if (rank > 1) {
    const ValueId seen = p.make(kNot, {p.make(kEqual, {mask, number(p.g, mask, 0)})});
    return penalty(p.unsqueeze(seen, rank == 2 ? std::vector<int64_t>{1, 2} : std::vector<int64_t>{1}));
  }
  const Dim size = p.dim(mask, 0), count = p.dim(batch, 0);
  const ValueId at = p.as(p.range(p.whole(0), p.size_scalar(keys, 2)), DType::kI32);  // [T]
  const bool both = size == p.g.dims().mul(2, count) && size != count;
  p.require_supported(both || size == count || !size.is_constant() || !count.is_constant(), "a mask that is not by batch");
  const auto list = [&](ValueId v) { return p.unsqueeze(v, {1, 2, 3}); };
  if (!both) return penalty(p.make(kLess, {at, list(mask)}));
  const ValueId n = p.size(batch, 0);
  const ValueId ends = p.make(kSlice, {mask, p.ints({0}), n}), starts = p.make(kSlice, {mask, n, p.ints({INT64_MAX})});
  return penalty(p.both(p.make(kLess, {at, list(ends)}), p.make(kGreaterOrEqual, {at, list(starts)})));
}

std::vector<ValueId> attend(const Parts& p, const AttentionParts& a) {
  for (const ValueId v : {a.q, a.k, a.v}) p.require(p.rank(v) == 4 && is_float(p.dtype(v)), "queries, keys and values are floats");
  std::vector<ValueId> in = {a.q, a.k, a.v, a.mask, a.past_key, a.past_value};
  while (in.back() == kNone) in.pop_back();
  Attributes attributes;
  if (a.causal) attributes.set("is_causal", int64_t{1});
  if (a.scale != 0) attributes.set("scale", static_cast<float>(a.scale));
  if (a.softcap > 0) attributes.set("softcap", static_cast<float>(a.softcap));
  return p.g.add(kAttention, std::move(in), std::move(attributes), {.output_count = 3});
}

}  // namespace omni::ops
