#include "passes/transposes.h"

#include <algorithm>

#include "ops/op_list.h"
#include "passes/fold.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

using Perm = std::vector<int64_t>;

constexpr int kRounds = 16;  // each one takes a Transpose away or ends the pass

Perm perm_of(const Graph& g, const Node& n) {
  Perm perm = n.attributes.get_ints("perm");
  if (!n.attributes.has("perm")) {
    for (int64_t d = g.type(n.inputs[0]).rank(); d-- > 0;) perm.push_back(d);
  }
  return perm;
}

const Node* transpose_of(const Graph& g, ValueId id) {
  const Node* n = g.producer(id, ops::kTranspose);
  return n != nullptr && g.type(id).ranked && g.type(n->inputs[0]).ranked ? n : nullptr;
}

bool is_identity(const Perm& perm) {
  for (size_t d = 0; d < perm.size(); ++d) {
    if (perm[d] != static_cast<int64_t>(d)) return false;
  }
  return true;
}

// First `inner`, then `outer`.
Perm composed(const Perm& inner, const Perm& outer) {
  Perm both;
  for (const int64_t d : outer) both.push_back(inner[static_cast<size_t>(d)]);
  return both;
}

ValueId transposed(Graph& g, ValueId id, const Perm& perm) { return is_identity(perm) ? id : g.add1(ops::kTranspose, {id}, {{"perm", perm}}); }

// `x` in the place of `y`, which keeps its name as an output. No input of the graph takes the place of a result: a commit may read that.
void become(Graph& g, ValueId y, ValueId x) {
  if (g.is_output(y) || g.value(x).kind != ValueKind::kResult) return replace_value(g, y, ops::kIdentity, {x}, {});
  g.replace_uses(y, x);
  g.erase_node(g.value(y).producer);
}

bool has_one_element(const Type& t) { return t.ranked && std::all_of(t.dims.begin(), t.dims.end(), [](Dim d) { return d == Dim(1); }); }

bool works_by_element(const Graph& g, const Node& n, size_t rank) {
  if (!n.op->has(kElementwise) || n.op->has(kRandom) || n.op->has(kSideEffect) || n.outputs.size() != 1 || !n.bodies.empty()) return false;
  return g.type(n.outputs[0]).ranked && g.type(n.outputs[0]).dims.size() == rank;
}

// Inputs that broadcast to the result: a QLookup's table does not.
size_t operands(const Node& n) { return n.op == &ops::kQLookup ? 1 : n.inputs.size(); }

// Whether a value under a Transpose of that rank can be had with fewer of them.
bool absorbs(const Graph& g, ValueId id, size_t rank, int depth = 0) {
  if (id == kNone) return true;
  const Type& t = g.type(id);
  if (!t.ranked || t.dims.size() > rank || depth > 8) return false;
  if (has_one_element(t) || g.is_constant(id)) return true;
  if (t.dims.size() != rank) return false;
  if (transpose_of(g, id) != nullptr) return true;
  const Node* n = g.producer(id);
  if (n == nullptr || g.use_count(id) != 1 || !works_by_element(g, *n, rank)) return false;
  const auto end = n->inputs.begin() + static_cast<ptrdiff_t>(operands(*n));
  return std::all_of(n->inputs.begin(), end, [&](ValueId v) { return absorbs(g, v, rank, depth + 1); });
}

ValueId absorb(Graph& g, ValueId id, const Perm& perm) {
  if (id == kNone || has_one_element(g.type(id))) return id;
  if (g.is_constant(id)) {
    std::vector<int64_t> whole(perm.size(), 1);
    const Shape shape = g.value(id).data.shape();
    for (int d = 1; d <= shape.rank(); ++d) whole[whole.size() - static_cast<size_t>(d)] = shape[-d];
    if (shape.rank() < static_cast<int>(perm.size())) {
      id = g.add1(ops::kReshape, {id, g.add_constant("shape", Tensor::of<int64_t>(Shape{static_cast<int64_t>(whole.size())}, whole))});
    }
    return transposed(g, id, perm);
  }
  if (const Node* inner = transpose_of(g, id)) return transposed(g, inner->inputs[0], composed(perm_of(g, *inner), perm));
  const Node& n = *g.producer(id);
  std::vector<ValueId> inputs = n.inputs;
  for (size_t i = 0; i < operands(n); ++i) inputs[i] = absorb(g, inputs[i], perm);
  return g.add1(*n.op, std::move(inputs), n.attributes, {.name = n.name});
}

// Sizes for a Reshape that does what the Transpose does, or nothing where it moves more than ones.
std::optional<std::vector<int64_t>> sizes_instead(const Type& x, const Perm& perm) {
  std::vector<int64_t> sizes;
  int64_t last = -1, open = 0;
  for (size_t i = 0; i < perm.size(); ++i) {
    const Dim d = x.dims[static_cast<size_t>(perm[i])];
    if (d == Dim(0)) return std::nullopt;
    if (d != Dim(1)) {
      if (perm[i] < last) return std::nullopt;
      last = perm[i];
    }
    const bool stays = perm[i] == static_cast<int64_t>(i);
    open += d.is_constant() || stays ? 0 : 1;
    sizes.push_back(d.is_constant() ? d.value : stays ? 0 : -1);
  }
  return open <= 1 ? std::optional(sizes) : std::nullopt;
}

bool simplify(Graph& g, const Node& n) {
  const ValueId x = n.inputs[0], y = n.outputs[0];
  if (!g.type(x).ranked || g.is_constant(x)) return false;
  const Perm perm = perm_of(g, n);
  if (is_identity(perm)) {
    become(g, y, x);
    return true;
  }
  if (const Node* inner = transpose_of(g, x)) {
    const Perm both = composed(perm_of(g, *inner), perm);
    const ValueId from = inner->inputs[0];
    if (is_identity(both)) become(g, y, from);
    else replace_value(g, y, ops::kTranspose, {from}, {{"perm", both}});
    return true;
  }
  if (const auto sizes = sizes_instead(g.type(x), perm)) {
    const ValueId shape = g.add_constant("shape", Tensor::of<int64_t>(Shape{static_cast<int64_t>(sizes->size())}, *sizes));
    replace_value(g, y, ops::kReshape, {x, shape}, {});
    return true;
  }
  if (has_one_element(g.type(x)) || !absorbs(g, x, perm.size())) return false;
  become(g, y, absorb(g, x, perm));
  return true;
}

// An element-wise node all of whose operands of more than one element are constant or transposed alike, two of them at least.
bool push_down(Graph& g, const Node& n) {
  const ValueId y = n.outputs[0];
  if (!works_by_element(g, n, g.type(y).dims.size())) return false;
  Perm perm;
  size_t count = 0;
  for (const ValueId v : n.inputs) {
    if (v == kNone || has_one_element(g.type(v)) || g.is_constant(v)) continue;
    const Node* transpose = transpose_of(g, v);
    if (transpose == nullptr || g.use_count(v) != 1 || g.type(v).dims.size() != g.type(y).dims.size()) return false;
    const Perm found = perm_of(g, *transpose);
    if (count++ > 0 && found != perm) return false;
    perm = found;
  }
  if (count < 2) return false;
  Perm inverse(perm.size());
  for (size_t d = 0; d < perm.size(); ++d) inverse[static_cast<size_t>(perm[d])] = static_cast<int64_t>(d);
  std::vector<ValueId> inputs;
  for (const ValueId v : std::vector<ValueId>(n.inputs)) inputs.push_back(absorb(g, v, inverse));
  const ValueId plain = g.add1(*n.op, std::move(inputs), n.attributes, {.name = n.name});
  replace_value(g, y, ops::kTranspose, {plain}, {{"perm", perm}});
  return true;
}

bool swaps_last(const Perm& perm) {
  if (perm.size() < 2) return false;
  Perm plain = perm;
  std::swap(plain[plain.size() - 1], plain[plain.size() - 2]);
  return is_identity(plain);
}

bool into_product(Graph& g, const Node& n) {
  const bool gemm = n.op == &ops::kGemm;
  if (!gemm && n.op != &ops::kMatMul && n.op != &ops::kFusedMatMul) return false;
  if (g.type(n.outputs[0]).dtype != DType::kF32) return false;
  std::vector<ValueId> inputs = n.inputs;
  Attributes attributes = n.attributes;
  bool any = false;
  for (size_t i = 0; i < 2; ++i) {
    const Node* transpose = transpose_of(g, inputs[i]);
    if (transpose == nullptr || !swaps_last(perm_of(g, *transpose))) continue;
    const char* const name = i == 0 ? "transA" : "transB";
    if (attributes.get_int(name, 0) != 0) attributes.erase(name);
    else attributes.set(name, int64_t{1});
    inputs[i] = transpose->inputs[0];
    any = true;
  }
  if (!any) return false;
  replace_value(g, n.outputs[0], gemm ? ops::kGemm : ops::kFusedMatMul, std::move(inputs), std::move(attributes));
  return true;
}

bool rule(Graph& g, NodeId id) {
  const Node& n = g.node(id);
  if (n.outputs.empty() || n.outputs[0] == kNone) return false;
  if (n.op == &ops::kTranspose) return simplify(g, n);
  return into_product(g, n) || (n.op->has(kElementwise) && g.type(n.outputs[0]).ranked && push_down(g, n));
}

}  // namespace

bool eliminate_transposes(Graph& graph, PassContext& context) {
  bool any = false;
  for (int round = 0; round < kRounds && rewrite_nodes(graph, rule); ++round) any = true;
  if (any) fold(graph, context);  // constants that were transposed
  return any;
}

}  // namespace omni::passes
