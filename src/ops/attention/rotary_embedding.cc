// RotaryEmbedding (ai.onnx 23): pairs of a head's values turned by the angle of their position: a composite of primitives.
#include "ops/composer.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}, {"cos_cache"}, {"sin_cache"}, {"position_ids", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"interleaved", AttributeKind::kInt}, {"num_heads", AttributeKind::kInt}, {"rotary_embedding_dim", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{23}};

// Of one head; symbolic sizes are refused by infer.
int64_t head_size(const Type& x, const Attributes& a) {
  const int64_t hidden = x.dim(-1).value, heads = a.get_int("num_heads", 0);
  return x.rank() == 4 ? hidden : hidden / std::max<int64_t>(1, heads);
}
int64_t rotated(const Type& x, const Attributes& a) {
  const int64_t stated = a.get_int("rotary_embedding_dim", 0);
  return stated == 0 ? head_size(x, a) : stated;
}

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked || (x.rank() != 3 && x.rank() != 4)) c.fail("X must be of rank 3 or 4");
  if (!x.dim(-1).is_constant()) c.fail("the last dimension of X must be known");
  const int64_t heads = c.attributes.get_int("num_heads", 0);
  if (x.rank() == 3 && (heads < 1 || x.dim(2).value % heads != 0)) c.fail("num_heads does not divide the hidden size");
  const int64_t size = rotated(x, c.attributes);
  if (size < 2 || size % 2 != 0 || size > head_size(x, c.attributes)) c.fail("rotary_embedding_dim is " + std::to_string(size));
  const bool by_id = c.has_input(3);
  for (int i = 1; i < 3; ++i) {
    const Type& cache = c.input(i);
    if (!cache.ranked || cache.rank() != (by_id ? 2 : 3)) c.fail("the caches are of rank 2 with position_ids, else of rank 3");
    if (cache.dtype != x.dtype) c.fail("the caches have another element type than X");
    if (cache.dim(-1).is_constant() && cache.dim(-1).value != size / 2) c.fail("a cache has not half of the rotated size");
  }
  if (by_id && (c.input(3).dtype != DType::kI64 || !c.input(3).ranked || c.input(3).rank() != 2)) c.fail("position_ids is i64 of rank 2");
  c.set(0, x);
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const Composer b(g);
  const Attributes a = n.attributes;
  const std::vector<ValueId> inputs = n.inputs;
  const Type type = g.type(inputs[0]);
  const int64_t size = rotated(type, a), head = head_size(type, a);
  const bool flat = type.rank() == 3, interleaved = a.get_int("interleaved", 0) != 0;
  // Heads stand before the positions in rank 4, after them in rank 3.
  const ValueId x = flat ? b.reshape(inputs[0], {0, 0, a.get_int("num_heads", 1), head}) : inputs[0];
  const auto cache = [&](ValueId v) {
    if (inputs.size() > 3 && inputs[3] != kNone) v = g.add1(kGather, {v, inputs[3]}, {{"axis", int64_t{0}}});
    return b.unsqueeze(v, {flat ? 2 : 1});
  };
  const ValueId cosine = cache(inputs[1]), sine = cache(inputs[2]);
  const ValueId turned = size == head ? x : b.slice(x, 3, 0, size);
  const ValueId first = interleaved ? b.slice(turned, 3, 0, size, 2) : b.slice(turned, 3, 0, size / 2);
  const ValueId second = interleaved ? b.slice(turned, 3, 1, size, 2) : b.slice(turned, 3, size / 2, size);
  const ValueId real = b.sub(b.mul(cosine, first), b.mul(sine, second));
  const ValueId imaginary = b.add(b.mul(sine, first), b.mul(cosine, second));
  ValueId y = interleaved ? b.reshape_to(b.concat({b.unsqueeze(real, {4}), b.unsqueeze(imaginary, {4})}, 4), b.shape(turned)) : b.concat({real, imaginary}, 3);
  if (size != head) y = b.concat({y, b.slice(x, 3, size, head)}, 3);
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
