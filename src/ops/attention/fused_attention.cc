// ai.omni.FusedAttention(q, k, v, bias, mask): softmax(scale · q kᵀ + bias, masked) v over stacks of matrices that broadcast as MatMul's do. What
// passes/fuse/attention makes of the pattern; f32.
//
// q [batch…, queries, size], k [batch…, keys, size], v [batch…, keys, values]; bias (floats) and mask (bool) broadcast to [batch…, queries, keys].
// Scores whose mask is `hides` become `fill`; with bias_last the bias is added to them all the same. A query all of whose scores are minus infinity
// gives NaN, or zeros with `empty_is_zero`. An operand with a permutation (q_perm …) is stored before Transpose(perm), the result after y_perm, so that
// heads need not be moved. A row of q, v and y stays a row; k may also be stored [size, keys].
#include <algorithm>
#include <cmath>

#include "core/kernel_args.h"
#include "kernels/attention/attention.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"q"}, {"k"}, {"v"}, {"bias", kOptional}, {"mask", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"bias_last", AttributeKind::kInt}, {"empty_is_zero", AttributeKind::kInt}, {"fill", AttributeKind::kFloat},
                                        {"hides", AttributeKind::kInt},     {"k_perm", AttributeKind::kInts},       {"q_perm", AttributeKind::kInts},
                                        {"scale", AttributeKind::kFloat},   {"v_perm", AttributeKind::kInts},       {"y_perm", AttributeKind::kInts}};
constexpr const char* kPerm[] = {"q_perm", "k_perm", "v_perm", "y_perm"};

std::vector<int> permutation(const Attributes& attributes, const char* name, int rank) {
  std::vector<int> perm;
  for (const int64_t p : attributes.get_ints(name)) perm.push_back(static_cast<int>(std::clamp<int64_t>(p, -1, rank)));
  for (int d = 0; d < rank && !attributes.has(name); ++d) perm.push_back(d);
  return perm;
}

// The dimensions of operand i as the definition names them.
std::vector<Dim> turned(const InferContext& c, int i) {
  const Type& t = c.input(i);
  const std::vector<int> perm = permutation(c.attributes, kPerm[i], t.rank());
  std::vector<int> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  std::vector<Dim> dims;
  for (int d = 0; d < t.rank(); ++d) {
    if (static_cast<int>(sorted.size()) != t.rank() || sorted[static_cast<size_t>(d)] != d) c.fail(std::string(kPerm[i]) + " is no permutation of the dimensions");
    dims.push_back(t.dim(perm[static_cast<size_t>(d)]));
  }
  const bool in_rows = perm.back() == t.rank() - 1, in_columns = i == 1 && perm[perm.size() - 2] == t.rank() - 1;
  if (!in_rows && !in_columns) c.fail(std::string(kPerm[i]) + " takes rows apart");
  return dims;
}

void require_same(const InferContext& c, Dim a, Dim b, const char* what) {
  if (a.is_constant() && b.is_constant() && a != b) c.fail(std::string("the ") + what + " differ: " + std::to_string(a.value) + " and " + std::to_string(b.value));
}

// bias and mask may have no dimension that the scores have not.
void check_broadcast(const InferContext& c, int i, const std::vector<Dim>& scores) {
  if (!c.has_input(i)) return;
  const Type& t = c.input(i);
  if (!t.ranked || t.rank() > static_cast<int>(scores.size())) c.fail("bias or mask of a rank that is unknown, or larger than that of the scores");
  for (int d = 1; d <= t.rank(); ++d) {
    const Dim want = scores[scores.size() - static_cast<size_t>(d)];
    if (t.dim(-d) != Dim(1)) require_same(c, t.dim(-d), want, "sizes of the scores and of bias or mask");
  }
}

void infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.input(i).dtype != (i == 4 ? DType::kBool : DType::kF32)) c.fail(i == 4 ? "the mask is not bool" : "q, k, v and bias are f32");
  }
  for (int i = 0; i < 3; ++i) {
    if (!c.input(i).ranked || c.input(i).rank() < 2) c.fail("q, k or v is of unknown rank, or of rank below 2");
  }
  const std::vector<Dim> q = turned(c, 0), k = turned(c, 1), v = turned(c, 2);
  require_same(c, q.back(), k.back(), "row sizes of q and k");
  require_same(c, k[k.size() - 2], v[v.size() - 2], "numbers of keys of k and v");
  std::vector<Dim> y = c.broadcast(c.broadcast({q.begin(), q.end() - 2}, {k.begin(), k.end() - 2}), {v.begin(), v.end() - 2});
  y.push_back(q[q.size() - 2]);
  std::vector<Dim> scores = y;
  scores.push_back(k[k.size() - 2]);
  check_broadcast(c, 3, scores);
  check_broadcast(c, 4, scores);
  y.push_back(v.back());
  if (!c.attributes.has("y_perm")) return c.set(0, Type(DType::kF32, std::move(y)));
  const std::vector<int> perm = permutation(c.attributes, "y_perm", static_cast<int>(y.size()));
  std::vector<int> sorted = perm;
  std::sort(sorted.begin(), sorted.end());
  std::vector<Dim> dims;
  for (size_t d = 0; d < y.size(); ++d) {
    if (sorted.size() != y.size() || sorted[d] != static_cast<int>(d)) c.fail("y_perm is no permutation of the dimensions");
    dims.push_back(y[static_cast<size_t>(perm[d])]);
  }
  if (perm.back() != static_cast<int>(y.size()) - 1) c.fail("y_perm takes rows apart");
  c.set(0, Type(DType::kF32, std::move(dims)));
}

// An operand in the order of the definition: sizes and how far apart their elements are stored.
struct Strided {
  std::vector<int64_t> sizes, strides;

  int64_t size(size_t from_end) const { return from_end <= sizes.size() ? sizes[sizes.size() - from_end] : 1; }
  // 0 where the operand is broadcast.
  int64_t stride(size_t from_end) const { return size(from_end) == 1 ? 0 : strides[strides.size() - from_end]; }
};

Strided strided(const Shape& stored, const std::vector<int>& perm) {
  Strided s;
  std::vector<int64_t> steps(static_cast<size_t>(stored.rank()), 1);
  for (size_t d = steps.size(); d-- > 1;) steps[d - 1] = steps[d] * stored[static_cast<int>(d)];
  for (const int p : perm) {
    s.sizes.push_back(stored[p]);
    s.strides.push_back(steps[static_cast<size_t>(p)]);
  }
  return s;
}

Strided strided(const PlannedNode& n, int i) {
  const Shape& stored = n.input(i).shape;
  std::vector<int> perm;
  for (int d = 0; d < stored.rank(); ++d) perm.push_back(d);
  return strided(stored, i < 3 ? permutation(n.attributes, kPerm[i], stored.rank()) : perm);
}

struct Params {
  Isa isa;
  kernels::AttentionArgs args;
  std::vector<int64_t> offsets[6];  // of q, k, v, bias, mask, y
};

struct Operands {
  Strided in[6];  // q, k, v, bias, mask, y
  std::vector<int64_t> batch;
};

Operands operands(const PlannedNode& n) {
  Operands o;
  for (int i = 0; i < 5; ++i) {
    if (n.has_input(i)) o.in[i] = strided(n, i);
  }
  const int rank = n.output(0).shape.rank();
  std::vector<int> inverse(static_cast<size_t>(rank));
  const std::vector<int> perm = permutation(n.attributes, "y_perm", rank);
  for (int d = 0; d < rank; ++d) inverse[static_cast<size_t>(perm[static_cast<size_t>(d)])] = d;
  o.in[5] = strided(n.output(0).shape, inverse);
  o.batch.assign(o.in[5].sizes.begin(), o.in[5].sizes.end() - 2);
  const int64_t queries = o.in[0].size(2), keys = o.in[1].size(2);
  if (o.in[0].size(1) != o.in[1].size(1) || keys != o.in[2].size(2)) n.unsupported("q, k and v do not fit");
  for (size_t i = 0; i < 5; ++i) {
    const size_t rank_i = o.in[i].sizes.size();
    for (size_t d = 3; d <= rank_i; ++d) {
      const int64_t want = d <= o.batch.size() + 2 ? o.batch[o.batch.size() + 2 - d] : 1;
      if (o.in[i].size(d) != 1 && o.in[i].size(d) != want) n.unsupported("the operands do not broadcast");
    }
    const bool scores = i >= 3 && rank_i > 0;
    if (scores && ((o.in[i].size(1) != 1 && o.in[i].size(1) != keys) || (o.in[i].size(2) != 1 && o.in[i].size(2) != queries)))
      n.unsupported("bias or mask does not broadcast to the scores");
  }
  return o;
}

// Where every item finds its part, in elements.
std::vector<int64_t> offsets(const Strided& s, const std::vector<int64_t>& batch, int64_t items) {
  std::vector<int64_t> list(static_cast<size_t>(items));
  for (int64_t item = 0; item < items; ++item) {
    int64_t rest = item, offset = 0;
    for (size_t d = batch.size(); d-- > 0;) {
      offset += rest % batch[d] * s.stride(batch.size() - d + 2);
      rest /= batch[d];
    }
    list[static_cast<size_t>(item)] = offset;
  }
  return list;
}

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::AttentionArgs a = p.args;
  a.q = k.inputs[0].as<float>();
  a.k = k.inputs[1].as<float>();
  a.v = k.inputs[2].as<float>();
  if (k.inputs.size() > 3) a.bias = k.inputs[3].as<float>();
  if (k.inputs.size() > 4) a.mask = k.inputs[4].as<uint8_t>();
  a.y = k.outputs[0].as<float>();
  a.scratch = k.scratch;
  kernels::attention(p.isa, a, *k.pool);
}

Binding bind(const PlannedNode& n) {
  const Operands o = operands(n);
  if (n.output(0).shape.count() == 0) return {[](const KernelArgs&) noexcept {}, nullptr, 0};  // its batch alone may be as large as one likes
  const auto params = std::make_shared<Params>();
  Params& p = *params;
  p.isa = n.isa;
  kernels::AttentionArgs& a = p.args;
  const auto& [q, k, v, bias, mask, y] = o.in;
  a.shape = {q.size(2), k.size(2), q.size(1), v.size(1), k.strides.back() == 1, 1, 1};
  for (const int64_t size : o.batch) a.shape.items *= size;
  for (size_t d = 3; d <= o.batch.size() + 2 && k.stride(d) == 0; ++d) a.shape.shared_keys *= o.batch[o.batch.size() + 2 - d];
  a.shape.shared_keys = std::max<int64_t>(1, a.shape.shared_keys);
  a.q_row = q.strides[q.strides.size() - 2];
  a.k_row = k.strides[k.strides.size() - (a.shape.keys_in_rows ? 2 : 1)];
  a.v_row = v.strides[v.strides.size() - 2];
  a.y_row = y.strides[y.strides.size() - 2];
  a.bias_row = bias.stride(2);
  a.bias_column = bias.stride(1);
  a.mask_row = mask.stride(2);
  a.mask_column = mask.stride(1);
  a.scale = n.attributes.get_float("scale", 1.0f);
  a.bias_last = n.attributes.get_int("bias_last", 0) != 0;
  a.hides = n.attributes.get_int("hides", 0) != 0;
  a.fill = n.attributes.get_float("fill", -INFINITY);
  a.empty_is_zero = n.attributes.get_int("empty_is_zero", 0) != 0;
  for (size_t i = 0; i < 6; ++i) p.offsets[i] = offsets(o.in[i], o.batch, a.shape.items);
  a.q_offsets = p.offsets[0].data();
  a.k_offsets = p.offsets[1].data();
  a.v_offsets = p.offsets[2].data();
  a.bias_offsets = p.offsets[3].data();
  a.mask_offsets = p.offsets[4].data();
  a.y_offsets = p.offsets[5].data();
  return {run, params, kernels::attention_scratch_bytes(n.isa, a.shape)};
}

Cost cost(const PlannedNode& n) {
  const Operands o = operands(n);
  if (n.output(0).shape.count() == 0) return {};
  int64_t items = 1;
  for (const int64_t size : o.batch) items *= size;
  return {2 * items * o.in[0].size(2) * o.in[1].size(2) * (o.in[0].size(1) + o.in[2].size(1) + 10), 0};
}

}  // namespace

constinit const OpDef kFusedAttention = {
    .name = "FusedAttention", .domain = "ai.omni", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes, .infer = infer, .cost = cost, .bind = bind};

}  // namespace omni::ops
