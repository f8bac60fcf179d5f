// What the attention operators of com.microsoft share: splitting into heads, masks of padded keys, and ai.onnx.Attention on [batch, heads, length,
// size].
#pragma once

#include "ops/contrib/expansion.h"

namespace omni::ops {

// x [B, S, heads · size] as [B, heads, S, size].
ValueId split_heads(const Parts& p, ValueId x, int64_t heads);
// The other way round.
ValueId join_heads(const Parts& p, ValueId x);

// What masked keys get added to their scores: [B, 1, 1 or S, T] of type `type`, from
//   [B] lengths; [2 B] ends and starts; [B, T] and [B, S, T] with 0 where a key is masked. Throws for the other forms.
ValueId padding_mask(const Parts& p, ValueId mask, ValueId batch, ValueId keys, DType type);

struct AttentionParts {
  ValueId q = kNone, k = kNone, v = kNone;       // [B, N, S, H], [B, Nkv, L, H], [B, Nkv, L, Hv]
  ValueId past_key = kNone, past_value = kNone;  // [B, Nkv, P, H]
  ValueId mask = kNone;                          // bool, or floats that are added
  bool causal = false;
  double scale = 0;  // 0: 1 / sqrt(H)
  double softcap = 0;
};

// Y [B, N, S, Hv] and the keys and values with the past before them.
std::vector<ValueId> attend(const Parts& p, const AttentionParts& a);

}  // namespace omni::ops
