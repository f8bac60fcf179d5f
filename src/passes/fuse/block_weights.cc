#include "passes/fuse/block_weights.h"

#include <algorithm>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

struct Weights {
  const Node* read = nullptr;  // the DequantizeLinear
  bool turned = false;         // W is its transposed
  bool half = false;
};

// A Slice that keeps the first columns of a matrix.
bool keeps_first_columns(const Graph& g, const Node& slice) {
  if (slice.inputs.size() < 4 || g.type(slice.inputs[0]).rank() != 2) return false;
  const auto one = [&](size_t i, std::initializer_list<double> allowed) {
    if (i >= slice.inputs.size() || slice.inputs[i] == kNone) return i == 4;
    const std::optional<double> v = scalar_constant(g, slice.inputs[i]);
    return v && std::find(allowed.begin(), allowed.end(), *v) != allowed.end();
  };
  return one(1, {0}) && one(3, {1, -1}) && one(4, {1});
}

// Goes from a product's operand to the integers it is made of.
std::optional<Weights> weights_of(const Graph& g, ValueId id) {
  Weights w;
  for (;;) {
    const Node* n = g.producer(id);
    if (n == nullptr || !g.type(id).ranked || g.type(id).rank() != 2) return std::nullopt;
    if (n->op == &ops::kDequantizeLinear) {
      w.read = n;
      return w;
    }
    if (n->op == &ops::kCast && g.type(n->inputs[0]).dtype == DType::kF16 && g.type(id).dtype == DType::kF32) {
      w.half = true;
    } else if (n->op == &ops::kTranspose) {
      const std::vector<int64_t> perm = n->attributes.get_ints("perm");
      w.turned = w.turned != (perm.empty() || perm[0] == 1);
    } else if (n->op != &ops::kIdentity && !(n->op == &ops::kSlice && keeps_first_columns(g, *n))) {
      return std::nullopt;
    }
    id = n->inputs[0];
  }
}

// A constant matrix transposed; of any type that holds weights, scales or zero points.
ValueId turned(Graph& g, ValueId id) {
  const Tensor& from = g.value(id).data;
  const int64_t rows = from.shape()[0], columns = from.shape()[1];
  const std::vector<double> values = to_double(from);
  std::vector<double> out(values.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) out[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
  }
  return g.add_constant(g.value(id).name + ".turned", from_double(from.dtype(), Shape{columns, rows}, out));
}

struct Match {
  ValueId a = kNone, q = kNone, scales = kNone, zeros = kNone;
  bool by_columns = false;  // stored [K, N]
  Attributes attributes;
};

bool is_matrix(const Graph& g, ValueId id) { return g.is_constant(id) && g.type(id).rank() == 2; }

std::optional<Match> match(const Graph& g, const Node& product) {
  const bool gemm = product.op == &ops::kGemm;
  if (!gemm && product.op != &ops::kMatMul && product.op != &ops::kFusedMatMul) return std::nullopt;
  const Type& a = g.type(product.inputs[0]);
  if (a.dtype != DType::kF32 || !a.ranked || a.rank() < 2 || !a.dim(-1).is_constant() || product.attributes.get_int("transA", 0) != 0) return std::nullopt;
  const std::optional<Weights> w = weights_of(g, product.inputs[1]);
  if (!w) return std::nullopt;
  const Node& read = *w->read;
  Match m{product.inputs[0], read.inputs[0], read.inputs[1], read.inputs.size() > 2 ? read.inputs[2] : kNone, false, {}};
  if (!is_matrix(g, m.q) || !is_matrix(g, m.scales) || (m.zeros != kNone && !is_matrix(g, m.zeros))) return std::nullopt;
  const DType type = g.type(m.q).dtype, scale = g.type(m.scales).dtype;
  if (dtype_bits(type) > 8 || (scale != DType::kF32 && scale != DType::kF16) || g.type(read.outputs[0]).dtype != scale || w->half != (scale == DType::kF16))
    return std::nullopt;
  const int64_t block = read.attributes.get_int("block_size", 0), axis = read.attributes.get_int("axis", 1);
  if (block < 1 || block > INT32_MAX || block % (32 / dtype_bits(type)) != 0) return std::nullopt;
  if (m.zeros != kNone && g.type(m.zeros).dtype != type) return std::nullopt;
  const bool summed_last = w->turned != (product.attributes.get_int("transB", 0) != 0);  // of the stored matrix
  m.by_columns = !summed_last;
  if ((axis < 0 ? axis + 2 : axis) != (summed_last ? 1 : 0)) return std::nullopt;
  if (g.type(m.q).dim(summed_last ? 0 : 1) != g.type(product.outputs[0]).dim(-1)) return std::nullopt;
  const int64_t k = a.dim(-1).value, stored = g.type(m.q).dim(summed_last ? 1 : 0).value;
  if (k < 1 || stored < k || (k + block - 1) / block != g.type(m.scales).dim(summed_last ? 1 : 0).value) return std::nullopt;
  m.attributes = {{"block_size", block}};
  if (w->half) m.attributes.set("half", int64_t{1});
  if (const float alpha = product.attributes.get_float("alpha", 1.0f); alpha != 1.0f) m.attributes.set("alpha", alpha);
  return m;
}

bool is_bias(const Graph& g, ValueId id, Dim n) {
  const Type& t = g.type(id);
  return g.is_constant(id) && t.dtype == DType::kF32 && t.rank() == 1 && t.dim(0) == n;
}

bool fuse_one(Graph& g, NodeId id) {
  const Node& product = g.node(id);
  std::optional<Match> m = match(g, product);
  if (!m) return false;
  ValueId y = product.outputs[0], bias = kNone;
  const Dim n = g.type(y).dim(-1);
  if (product.op == &ops::kGemm && product.inputs.size() > 2 && product.inputs[2] != kNone) {
    if (!is_bias(g, product.inputs[2], n) || product.attributes.get_float("beta", 1.0f) != 1.0f) return false;
    bias = product.inputs[2];
  } else if (const Node* add = sole_user(g, y); add != nullptr && add->op == &ops::kAdd && is_bias(g, other_operand(*add, y), n)) {
    bias = other_operand(*add, y);
    y = add->outputs[0];
  }
  const std::string name = product.name;
  std::vector<ValueId> inputs = {m->a, m->q, m->scales, m->zeros, bias};
  for (size_t i = 1; i < 4 && m->by_columns; ++i) {
    if (inputs[i] != kNone) inputs[i] = turned(g, inputs[i]);
  }
  while (inputs.back() == kNone) inputs.pop_back();
  replace_value(g, y, ops::kBlockMatMul, std::move(inputs), std::move(m->attributes), name);
  return true;
}

// Of all weights that could be multiplied as they are stored, as floats.
int64_t decoded_bytes(const Graph& graph) {
  int64_t bytes = 0;
  for (const NodeId id : graph.order()) {
    const Node& n = graph.node(id);
    for (const auto& body : n.bodies) bytes += decoded_bytes(*body);
    if (const std::optional<Match> m = match(graph, n)) bytes += graph.value(m->q).data.count() * static_cast<int64_t>(sizeof(float));
  }
  return bytes;
}

}  // namespace

bool fuse_all_block_weights(Graph& graph, PassContext&) { return rewrite_nodes(graph, fuse_one); }

bool fuse_block_weights(Graph& graph, PassContext& context) {
  return decoded_bytes(graph) > kCacheBytes && fuse_all_block_weights(graph, context);
}

}  // namespace omni::passes
