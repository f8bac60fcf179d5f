// RotaryEmbedding (com.microsoft): ai.onnx's, with the positions before the tables of angles.
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"position_ids"}, {"cos_cache"}, {"sin_cache"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"interleaved", AttributeKind::kInt},
                                        {"is_packed_batching", AttributeKind::kInt},
                                        {"num_heads", AttributeKind::kInt},
                                        {"rotary_embedding_dim", AttributeKind::kInt},
                                        {"scale", AttributeKind::kFloat}};

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const Parts p(g, n);
  p.require_supported(p.integer("is_packed_batching", 0) == 0, "sequences that are packed into one");
  p.require_supported(p.real("scale", 1) == 1, "a scale of the angles");
  const ValueId x = p.in(0);
  const int rank = p.rank(x);
  p.require(rank == 3 || rank == 4, "the input is of rank 3 or 4");
  p.require(p.rank(p.in(2)) == 2 && p.rank(p.in(3)) == 2, "a table of angles is not of rank 2");
  ValueId positions = p.in(1);
  p.require(p.dtype(positions) == DType::kI64, "position_ids is not i64");
  // One number is where all sequences begin.
  if (p.rank(positions) == 1) positions = p.unsqueeze(p.add(positions, p.range(p.whole(0), p.size_scalar(x, rank - 2))), {0});
  const int64_t turned = p.integer("rotary_embedding_dim", 0);
  Attributes a = {{"interleaved", p.integer("interleaved", 0)}};
  if (turned != 0) a.set("rotary_embedding_dim", turned);
  if (rank == 3) {
    const int64_t hidden = p.known(x, 2, "the hidden size");
    int64_t heads = p.integer("num_heads", 0);
    if (turned == 0) {
      const int64_t size = 2 * p.known(p.in(2), 1, "the width of the table");
      p.require(size > 0 && hidden % size == 0, "the head size that the tables give does not divide the hidden size");
      heads = hidden / size;
    }
    p.require(heads > 0, "num_heads is needed with rotary_embedding_dim");
    a.set("num_heads", heads);
  }
  return {p.make(kRotaryEmbedding, {x, p.in(2), p.in(3), positions}, std::move(a))};
}

}  // namespace

constinit const OpDef kMsRotaryEmbedding = composite<expand>("com.microsoft", "RotaryEmbedding", kInputs, kOutputs, kAttributes);

}  // namespace omni::ops
