// RotaryEmbedding (ai.onnx 23): pairs of a head's values turned by the angle of their position: a composite of primitives.
#include "ops/composer.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"cos_cache"}, {"sin_cache"}, {"position_ids", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {
    {"interleaved", AttributeKind::kInt}, {"num_heads", AttributeKind::kInt}, {"rotary_embedding_dim", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{23}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked || (x.rank() != 3 && x.rank() != 4)) c.fail("X must be of rank 3 or 4");
  const int64_t heads = c.attributes.get_int("num_heads", 0), stated = c.attributes.get_int("rotary_embedding_dim", 0);
  const Dim hidden = x.dim(-1);
  if (x.rank() == 3 && (heads < 1 || (hidden.is_constant() && hidden.value % heads != 0))) c.fail("num_heads does not divide the hidden size");
  const Dim head = x.rank() == 4 ? hidden : c.dims.floor_div(hidden, heads), size = stated == 0 ? head : Dim(stated);
  const bool odd = size.is_constant() && (size.value < 2 || size.value % 2 != 0);
  if (odd || stated < 0 || (head.is_constant() && stated > head.value)) c.fail("a rotation of " + std::to_string(size.value) + " values");
  const bool by_id = c.has_input(3);
  for (int i = 1; i < 3; ++i) {
    const Type& cache = c.input(i);
    if (!cache.ranked || cache.rank() != (by_id ? 2 : 3)) c.fail("the caches are of rank 2 with position_ids, else of rank 3");
    if (cache.dtype != x.dtype) c.fail("the caches have another element type than X");
    if (cache.dim(-1).is_constant() && size.is_constant() && cache.dim(-1).value != size.value / 2)
      c.fail("a cache has not half of the rotated size");
  }
  if (by_id && (c.input(3).dtype != DType::kI64 || !c.input(3).ranked || c.input(3).rank() != 2)) c.fail("position_ids is i64 of rank 2");
  c.set(0, x);
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const Composer b(g);
  const Attributes& a = n.attributes;
  const std::vector<ValueId>& inputs = n.inputs;
  const int64_t stated = a.get_int("rotary_embedding_dim", 0);
  const bool flat = g.type(inputs[0]).rank() == 3, interleaved = a.get_int("interleaved", 0) != 0;
  // Heads stand before the positions in rank 4, after them in rank 3.
  const ValueId x = flat ? b.reshape(inputs[0], {0, 0, a.get_int("num_heads", 1), -1}) : inputs[0];
  const bool partly = stated != 0 && g.type(x).dim(3) != Dim(stated);
  const auto cache = [&](ValueId v) {
    if (inputs.size() > 3 && inputs[3] != kNone) v = g.add1(kGather, {v, inputs[3]}, {{"axis", int64_t{0}}});
    return b.unsqueeze(v, {flat ? 2 : 1});
  };
  const ValueId cosine = cache(inputs[1]), sine = cache(inputs[2]);
  const ValueId turned = partly ? b.slice(x, 3, 0, stated) : x;
  std::vector<ValueId> pair;
  if (interleaved)
    pair = {b.slice(turned, 3, 0, INT64_MAX, 2), b.slice(turned, 3, 1, INT64_MAX, 2)};
  else
    pair = g.add(kSplit, {turned}, {{"axis", int64_t{3}}}, {.output_count = 2});
  const ValueId real = b.sub(b.mul(cosine, pair[0]), b.mul(sine, pair[1]));
  const ValueId imaginary = b.add(b.mul(sine, pair[0]), b.mul(cosine, pair[1]));
  ValueId y = interleaved ? b.reshape_to(b.concat({b.unsqueeze(real, {4}), b.unsqueeze(imaginary, {4})}, 4), b.shape(turned))
                          : b.concat({real, imaginary}, 3);
  if (partly) y = b.concat({y, b.slice(x, 3, stated, INT64_MAX)}, 3);
  return {flat ? b.reshape(y, {0, 0, -1}) : y};
}

}  // namespace

constinit const OpDef kRotaryEmbedding = {.name = "RotaryEmbedding",
                                          .inputs = kInputs,
                                          .outputs = kOutputs,
                                          .attributes = kAttributes,
                                          .versions = kVersions,
                                          .infer = infer,
                                          .expand = expand};

}  // namespace omni::ops
