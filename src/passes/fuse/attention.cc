#include "passes/fuse/attention.h"

#include <cmath>
#include <numeric>
#include <utility>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

using Perm = std::vector<int64_t>;

struct Match {
  ValueId q = kNone, k = kNone, v = kNone, bias = kNone, mask = kNone, y = kNone;
  Perm q_perm, k_perm, v_perm, y_perm;  // empty: none
  double scale = 1;
  double fill = -INFINITY;
  bool hides = false, bias_last = false, empty_is_zero = false;
};

// The value that an Identity passes on.
ValueId origin(const Graph& g, ValueId id) {
  while (const Node* n = g.producer(id, ops::kIdentity)) id = n->inputs[0];
  return id;
}

Perm perm_of(const Graph& g, const Node& transpose) {
  Perm perm = transpose.attributes.get_ints("perm");
  if (!transpose.attributes.has("perm")) {
    for (int64_t d = g.type(transpose.inputs[0]).rank(); d-- > 0;) perm.push_back(d);
  }
  return perm;
}

// Whether v broadcasts to the scores without making them larger.
bool fits(const Graph& g, ValueId v, const Type& scores) {
  const Type& t = g.type(v);
  if (!t.ranked || t.rank() > scores.rank()) return false;
  for (int d = 1; d <= t.rank(); ++d) {
    if (t.dim(-d) != Dim(1) && t.dim(-d) != scores.dim(-d)) return false;
  }
  return true;
}

// Goes from the softmax's input up to the product of queries and keys. Every value on the way has one reader, the first one `readers`.
const Node* walk_scores(const Graph& g, ValueId id, size_t readers, Match& m);

// The constant factor of a node, and which operand it scales.
std::optional<std::pair<double, size_t>> factor_of(const Graph& g, const Node& n) {
  const bool divides = n.op == &ops::kDiv;
  if (!divides && n.op != &ops::kMul) return std::nullopt;
  for (const size_t side : {size_t{0}, size_t{1}}) {
    const std::optional<double> factor = scalar_constant(g, n.inputs[1 - side]);
    if (factor && (!divides || side == 0) && g.type(n.inputs[side]) == g.type(n.outputs[0])) return {{divides ? 1 / *factor : *factor, side}};
  }
  return std::nullopt;
}

// Either operand may be the scores.
const Node* walk_bias(const Graph& g, const Node& add, Match& m) {
  const Type& type = g.type(add.outputs[0]);
  for (const size_t side : {size_t{0}, size_t{1}}) {
    Match inner = m;
    inner.bias = add.inputs[1 - side];
    inner.bias_last = m.mask == kNone;
    if (g.type(add.inputs[side]) != type || !fits(g, inner.bias, type)) continue;
    if (const Node* product = walk_scores(g, add.inputs[side], 1, inner)) {
      m = inner;
      return product;
    }
  }
  return nullptr;
}

const Node* walk_mask(const Graph& g, const Node& where, Match& m) {
  const Type& type = g.type(where.outputs[0]);
  const std::optional<double> on_true = scalar_constant(g, where.inputs[1]), on_false = scalar_constant(g, where.inputs[2]);
  if (on_true.has_value() == on_false.has_value() || !fits(g, where.inputs[0], type)) return nullptr;
  m.mask = where.inputs[0];
  m.hides = on_true.has_value();
  m.fill = m.hides ? *on_true : *on_false;
  const ValueId inner = where.inputs[m.hides ? 2 : 1];
  return g.type(inner) == type ? walk_scores(g, inner, 1, m) : nullptr;
}

const Node* walk_scores(const Graph& g, ValueId id, size_t readers, Match& m) {
  const Node* n = g.producer(id);
  if (n == nullptr || g.use_count(id) != readers) return nullptr;
  if (n->op == &ops::kMatMul || (n->op == &ops::kFusedMatMul && n->attributes.get_int("transA", 0) == 0)) return n;
  if (n->op == &ops::kAdd && m.bias == kNone && m.scale == 1) return walk_bias(g, *n, m);
  if (n->op == &ops::kWhere && m.mask == kNone && m.scale == 1) return walk_mask(g, *n, m);
  const auto factor = factor_of(g, *n);
  if (!factor) return nullptr;
  m.scale *= factor->first;
  return walk_scores(g, n->inputs[factor->second], 1, m);
}

// A value without the constant factors it has; `scale` takes them.
ValueId unscaled(const Graph& g, ValueId id, double& scale) {
  for (;;) {
    id = origin(g, id);
    const Node* n = g.producer(id);
    const auto factor = n == nullptr ? std::nullopt : factor_of(g, *n);
    if (!factor) return id;
    scale *= factor->first;
    id = n->inputs[factor->second];
  }
}

bool leaves_rows(const Perm& perm) { return !perm.empty() && perm.back() == static_cast<int64_t>(perm.size()) - 1; }

// The operand before a Transpose that leaves its rows whole.
ValueId untransposed(const Graph& g, ValueId id, Perm& perm) {
  id = origin(g, id);
  const Node* transpose = g.producer(id, ops::kTranspose);
  if (transpose == nullptr || !g.type(transpose->inputs[0]).ranked) return id;
  const Perm found = perm_of(g, *transpose);
  if (!leaves_rows(found)) return id;
  perm = found;
  return transpose->inputs[0];
}

// K where `id` is Kᵀ as Reshape([-1, keys, size]), Transpose, Reshape: K has the shape of Kᵀ with the last two dimensions exchanged.
ValueId unstacked(const Graph& g, ValueId id) {
  const Node* outer = g.producer(id, ops::kReshape);
  const Node* transpose = outer == nullptr ? nullptr : g.producer(outer->inputs[0], ops::kTranspose);
  const Node* inner = transpose == nullptr ? nullptr : g.producer(transpose->inputs[0], ops::kReshape);
  if (inner == nullptr) return kNone;
  const Type &k = g.type(inner->inputs[0]), &flat = g.type(inner->outputs[0]), &turned = g.type(id);
  if (!k.ranked || !flat.ranked || !turned.ranked || flat.rank() != 3 || k.rank() < 3 || k.rank() != turned.rank()) return kNone;
  if (perm_of(g, *transpose) != Perm{0, 2, 1}) return kNone;
  for (int d = 1; d <= k.rank(); ++d) {
    if (k.dim(-d) != turned.dim(d == 1 ? -2 : d == 2 ? -1 : -d)) return kNone;
  }
  return k.dim(-1) == flat.dim(-1) && k.dim(-2) == flat.dim(-2) ? inner->inputs[0] : kNone;
}

// Sets k and its permutation from Kᵀ, or with `whole` from K.
void take_keys(const Graph& g, ValueId id, bool whole, Match& m) {
  id = unscaled(g, id, m.scale);
  if (const ValueId k = whole ? id : unstacked(g, id); k != kNone) {
    m.k = untransposed(g, unscaled(g, k, m.scale), m.k_perm);
    return;
  }
  const Node* transpose = g.producer(id, ops::kTranspose);
  if (transpose != nullptr && g.type(transpose->inputs[0]).ranked) {
    Perm perm = perm_of(g, *transpose);
    const auto rank = static_cast<int64_t>(perm.size());
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    if (perm[perm.size() - 1] == rank - 1 || perm[perm.size() - 2] == rank - 1) {
      m.k = unscaled(g, transpose->inputs[0], m.scale);
      bool plain = true;
      for (int64_t d = 0; d < rank; ++d) plain = plain && perm[static_cast<size_t>(d)] == d;
      if (!plain) m.k_perm = std::move(perm);
      if (plain) m.k = untransposed(g, m.k, m.k_perm);
      return;
    }
  }
  m.k = id;
  m.k_perm.resize(static_cast<size_t>(g.type(id).rank()));
  std::iota(m.k_perm.begin(), m.k_perm.end(), 0);
  std::swap(m.k_perm[m.k_perm.size() - 1], m.k_perm[m.k_perm.size() - 2]);
}

// Where(Equal(ReduceMax(x), -inf), 0, y) behind the softmax y of x: the value that is guarded so, or kNone.
ValueId guarded(const Graph& g, ValueId x, ValueId y) {
  const Node* where = sole_user(g, y);
  if (where == nullptr || where->op != &ops::kWhere || where->inputs[2] != y || scalar_constant(g, where->inputs[1]) != 0.0) return kNone;
  if (!(g.type(where->outputs[0]) == g.type(y))) return kNone;
  const Node* equal = g.producer(where->inputs[0], ops::kEqual);
  for (size_t side = 0; equal != nullptr && side < 2; ++side) {
    const Node* most = g.producer(equal->inputs[side], ops::kReduceMax);
    if (most == nullptr || most->inputs[0] != x || most->inputs.size() < 2 || !g.is_constant(most->inputs[1])) continue;
    const std::vector<int64_t> axes = to_int64(g.value(most->inputs[1]).data);
    const bool last = axes.size() == 1 && (axes[0] == -1 || axes[0] == g.type(x).rank() - 1);
    if (last && most->attributes.get_int("keepdims", 1) != 0 && scalar_constant(g, equal->inputs[1 - side]) == -INFINITY) return where->outputs[0];
  }
  return kNone;
}

std::optional<Match> match(const Graph& g, const Node& softmax) {
  const ValueId x = softmax.inputs[0];
  const Type& scores = g.type(x);
  if (!scores.ranked || scores.rank() < 2 || scores.dtype != DType::kF32) return std::nullopt;
  const int64_t axis = softmax.attributes.get_int("axis", -1);
  if (axis != -1 && axis != scores.rank() - 1) return std::nullopt;
  Match m;
  ValueId weights = softmax.outputs[0];
  if (const ValueId zeros = guarded(g, x, weights); zeros != kNone) {
    weights = zeros;
    m.empty_is_zero = true;
  }
  const Node* mix = sole_user(g, weights);
  if (mix == nullptr || mix->op != &ops::kMatMul || mix->inputs[0] != weights || mix->inputs[1] == weights) return std::nullopt;
  const Node* product = walk_scores(g, x, m.empty_is_zero ? 2 : 1, m);
  if (product == nullptr) return std::nullopt;
  for (const ValueId id : {product->inputs[0], product->inputs[1], mix->inputs[1]}) {
    if (!g.type(id).ranked || g.type(id).rank() != scores.rank()) return std::nullopt;
  }
  m.q = untransposed(g, unscaled(g, product->inputs[0], m.scale), m.q_perm);
  m.scale *= static_cast<double>(product->attributes.get_float("alpha", 1.0f));
  take_keys(g, product->inputs[1], product->attributes.get_int("transB", 0) != 0, m);
  m.v = untransposed(g, mix->inputs[1], m.v_perm);
  m.y = mix->outputs[0];
  if (!std::isfinite(m.scale)) return std::nullopt;
  return m;
}

// Heads repeated for groups of queries: [B, groups, keys, size] as [B, groups, 1, keys, size], expanded and reshaped. That of rank 5, or kNone.
ValueId unrepeated(const Graph& g, ValueId id, int64_t& groups, int64_t& each) {
  const Node* reshape = g.producer(id, ops::kReshape);
  if (reshape == nullptr) return kNone;
  const Node* repeat = g.producer(reshape->inputs[0]);
  if (repeat == nullptr || (repeat->op != &ops::kExpand && repeat->op != &ops::kTile)) return kNone;
  const Type &flat = g.type(id), &large = g.type(repeat->outputs[0]), &small = g.type(repeat->inputs[0]);
  if (!large.ranked || !small.ranked || flat.rank() != 4 || large.rank() != 5 || small.rank() != 5) return kNone;
  const Dim group = small.dim(1), times = large.dim(2);
  if (!group.is_constant() || !times.is_constant() || small.dim(2) != Dim(1) || flat.dim(1) != Dim(group.value * times.value)) return kNone;
  for (const int d : {0, 1, 3, 4}) {
    if (small.dim(d) != large.dim(d)) return kNone;
  }
  if (flat.dim(0) != small.dim(0) || flat.dim(2) != small.dim(3) || flat.dim(3) != small.dim(4)) return kNone;
  groups = group.value;
  each = times.value;
  return repeat->inputs[0];
}

ValueId reshaped(Graph& g, ValueId id, const std::vector<int64_t>& sizes) {
  return g.add1(ops::kReshape, {id, g.add_constant("shape", Tensor::of<int64_t>(Shape{static_cast<int64_t>(sizes.size())}, sizes))});
}

// With its heads as groups times heads of a group. Bias and mask must be the same for all heads.
bool group_heads(Graph& g, Match& m) {
  int64_t groups = 0, each = 0, groups_v = 0, each_v = 0;
  const ValueId k = unrepeated(g, m.k, groups, each), v = unrepeated(g, m.v, groups_v, each_v);
  const Type& q = g.type(m.q);
  if (k == kNone || v == kNone || groups != groups_v || each != each_v || groups < 1 || each < 1) return false;
  if (!m.k_perm.empty() || !m.v_perm.empty() || !q.dim(-1).is_constant() || q.dim(-1).value < 1 || !g.type(m.v).dim(-1).is_constant()) return false;
  if (q.dim(m.q_perm.empty() ? 1 : 2) != Dim(groups * each)) return false;
  for (const ValueId id : {m.bias, m.mask}) {
    const Type* t = id == kNone ? nullptr : &g.type(id);
    if (t != nullptr && t->rank() > 2 && t->dim(-3) != Dim(1)) return false;
  }
  for (ValueId* id : {&m.bias, &m.mask}) {
    if (*id == kNone || g.type(*id).rank() < 4) continue;
    *id = g.add1(ops::kUnsqueeze, {*id, g.add_constant("axes", Tensor::of<int64_t>(Shape{1}, {2}))});
  }
  m.k = k;
  m.v = v;
  const int64_t size = q.dim(-1).value;
  if (m.q_perm.empty()) {
    m.q = reshaped(g, m.q, {0, groups, each, -1, size});
  } else {
    m.q = reshaped(g, m.q, {0, -1, groups, each, size});
    m.q_perm = {0, 2, 3, 1, 4};
  }
  return true;
}

std::vector<ValueId> inputs_of(const Match& m) {
  std::vector<ValueId> inputs = {m.q, m.k, m.v, m.bias, m.mask};
  while (inputs.back() == kNone) inputs.pop_back();
  return inputs;
}

Attributes attributes_of(const Match& m) {
  Attributes a;
  if (m.scale != 1) a.set("scale", static_cast<float>(m.scale));
  if (m.mask != kNone && m.fill != -INFINITY) a.set("fill", static_cast<float>(m.fill));
  if (m.mask != kNone && m.hides) a.set("hides", int64_t{1});
  if (m.bias != kNone && m.mask != kNone && m.bias_last) a.set("bias_last", int64_t{1});
  if (m.empty_is_zero) a.set("empty_is_zero", int64_t{1});
  if (!m.q_perm.empty()) a.set("q_perm", m.q_perm);
  if (!m.k_perm.empty()) a.set("k_perm", m.k_perm);
  if (!m.v_perm.empty()) a.set("v_perm", m.v_perm);
  if (!m.y_perm.empty()) a.set("y_perm", m.y_perm);
  return a;
}

// The Transpose that alone reads the result and leaves rows whole is taken along.
void take_transpose(const Graph& g, Match& m) {
  const Node* transpose = sole_user(g, m.y);
  if (transpose == nullptr || transpose->op != &ops::kTranspose) return;
  const Perm perm = perm_of(g, *transpose);
  if (!leaves_rows(perm)) return;
  m.y_perm = perm;
  m.y = transpose->outputs[0];
}

bool fuse_one(Graph& g, NodeId id) {
  if (g.node(id).op != &ops::kSoftmax) return false;
  std::optional<Match> m = match(g, g.node(id));
  if (!m) return false;
  take_transpose(g, *m);
  const bool swapped = m->q_perm == Perm{0, 2, 1, 3} || m->q_perm.empty(), turned = m->y_perm == Perm{0, 2, 1, 3};
  if (!swapped || (!turned && !m->y_perm.empty()) || g.type(m->y).rank() != 4 || !group_heads(g, *m)) {
    replace_value(g, m->y, ops::kFusedAttention, inputs_of(*m), attributes_of(*m));
    return true;
  }
  const Type type = g.type(m->y);
  const int64_t heads = type.dim(turned ? 2 : 1).value, size = type.dim(3).value;
  if (turned) m->y_perm = {0, 3, 1, 2, 4};
  const ValueId grouped = g.add1(ops::kFusedAttention, inputs_of(*m), attributes_of(*m));
  const std::vector<int64_t> sizes = turned ? std::vector<int64_t>{0, 0, heads, size} : std::vector<int64_t>{0, heads, -1, size};
  const ValueId shape = g.add_constant("shape", Tensor::of<int64_t>(Shape{4}, sizes));
  replace_value(g, m->y, ops::kReshape, {grouped, shape}, {});
  return true;
}

}  // namespace

bool fuse_attention(Graph& graph, PassContext&) { return rewrite_nodes(graph, fuse_one); }

}  // namespace omni::passes
