// MatMul (ai.onnx): NumPy's product of stacks of matrices. FusedMatMul (com.microsoft): the same with transposed operands and a factor, which the
// gradients need.
#include <algorithm>

#include "core/error.h"
#include "graph/grad_def.h"
#include "kernels/gemm/gemm.h"
#include "ops/elementwise.h"
#include "ops/linear/plain_matmul.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"A"}, {"B", 0, ParamKind::kWeight}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr OpVersion kVersions[] = {{13}, {9}, {1}};
constexpr AttributeDef kFusedAttributes[] = {{"alpha", AttributeKind::kFloat}, {"transA", AttributeKind::kInt}, {"transB", AttributeKind::kInt}};

// Batches that stand between the two dimensions of the matrices, [M, batch…, K], are brought to the front.
void upgrade_batches(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 2);
  for (size_t i = 0; i < 2; ++i) {
    const char* const name = i == 0 ? "transBatchA" : "transBatchB";
    const bool turned = draft.attributes.get_int(name, 0) != 0;
    draft.attributes.erase(name);
    const Type& type = graph.type(draft.inputs[i]);
    if (!turned || (type.ranked && type.rank() < 3)) continue;
    if (!type.ranked) throw Error(ErrorCode::kUnsupported, std::string(name) + " of a tensor whose rank is not known", draft.name);
    std::vector<int64_t> perm;
    for (int64_t d = 1; d < type.rank() - 1; ++d) perm.push_back(d);
    perm.push_back(0);
    perm.push_back(type.rank() - 1);
    draft.inputs[i] = graph.add1(kTranspose, {draft.inputs[i]}, {{"perm", std::move(perm)}});
  }
}
constexpr OpVersion kFusedVersions[] = {{2}, {1, upgrade_batches}};

bool transposed(const Attributes& a, const char* name) { return a.get_int(name, 0) != 0; }

void infer(InferContext& c) {
  const Type &a = c.input(0), &b = c.input(1);
  if (a.dtype != b.dtype) c.fail("the inputs have different element types");
  if ((a.ranked && a.rank() == 0) || (b.ranked && b.rank() == 0)) c.fail("a scalar cannot be multiplied as a matrix");
  if (!a.ranked || !b.ranked) return c.set(0, Type::unranked(a.dtype));
  // A vector is a row on the left, a column on the right; that dimension leaves the result again.
  std::vector<Dim> x = a.dims, y = b.dims;
  const bool row = x.size() == 1, column = y.size() == 1;
  if (row) x.insert(x.begin(), Dim(1));
  if (column) y.push_back(Dim(1));
  if (transposed(c.attributes, "transA") && !row) std::swap(x[x.size() - 1], x[x.size() - 2]);
  if (transposed(c.attributes, "transB") && !column) std::swap(y[y.size() - 1], y[y.size() - 2]);
  const Dim k = x.back(), k2 = y[y.size() - 2];
  if (k.is_constant() && k2.is_constant() && k != k2)
    c.fail("the inner dimensions are " + std::to_string(k.value) + " and " + std::to_string(k2.value));
  std::vector<Dim> out = c.broadcast({x.begin(), x.end() - 2}, {y.begin(), y.end() - 2});
  if (!row) out.push_back(x[x.size() - 2]);
  if (!column) out.push_back(y.back());
  c.set(0, Type(a.dtype, std::move(out)));
}

// Both operands as stacks of matrices.
struct Stacks {
  Shape a, b;  // rank >= 2
  bool ta, tb;
  int64_t m, n, k;
  std::vector<int64_t> batch;  // of the result
};

Stacks stacks(const PlannedNode& p) {
  const auto matrix = [](const Shape& s, bool left) { return s.rank() > 1 ? s : left ? Shape{1, s[0]} : Shape{s[0], 1}; };
  Stacks s{matrix(p.input(0).shape, true), matrix(p.input(1).shape, false), false, false, 0, 0, 0, {}};
  s.ta = transposed(p.attributes, "transA") && p.input(0).shape.rank() > 1;
  s.tb = transposed(p.attributes, "transB") && p.input(1).shape.rank() > 1;
  s.m = s.a[s.ta ? -1 : -2];
  s.k = s.a[s.ta ? -2 : -1];
  s.n = s.b[s.tb ? -2 : -1];
  if (s.b[s.tb ? -1 : -2] != s.k) p.unsupported("the inner dimensions differ");
  const int rank = std::max(s.a.rank(), s.b.rank()) - 2;
  for (int i = 0; i < rank; ++i) {
    const auto at = [&](const Shape& x) { return i < rank + 2 - x.rank() ? int64_t{1} : x[i - (rank + 2 - x.rank())]; };
    const int64_t x = at(s.a), y = at(s.b);
    if (x != y && x != 1 && y != 1) p.unsupported("the shapes do not broadcast");
    s.batch.push_back(x == 1 ? y : x);
  }
  return s;
}

int64_t product(const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (const int64_t d : dims) n *= d;
  return n;
}

Cost cost(const PlannedNode& p) {
  const Stacks s = stacks(p);
  return {2 * product(s.batch) * s.m * s.n * s.k, 0};
}

// Where each matrix of the result finds its operand, in floats.
std::vector<int64_t> offsets(const Shape& operand, const std::vector<int64_t>& batch) {
  const int64_t size = operand[-1] * operand[-2];
  const size_t missing = batch.size() + 2 - static_cast<size_t>(operand.rank());
  std::vector<int64_t> list(static_cast<size_t>(product(batch)));
  for (size_t item = 0; item < list.size(); ++item) {
    int64_t rest = static_cast<int64_t>(item), offset = 0, stride = size;
    for (size_t d = batch.size(); d-- > missing;) {
      const int64_t have = operand[static_cast<int>(d - missing)];
      if (have != 1) offset += rest % batch[d] * stride;
      stride *= have;
      rest /= batch[d];
    }
    list[item] = offset;
  }
  return list;
}

struct Params {
  Isa isa;
  kernels::GemmArgs args;
  std::vector<int64_t> a_offsets, b_offsets, c_offsets;
  Tensor packed;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::GemmArgs g = p.args;
  g.a = k.inputs[0].as<float>();
  g.b = g.shape.packed_b ? static_cast<const float*>(p.packed.data()) : k.inputs[1].as<float>();
  g.c = k.outputs[0].as<float>();
  g.scratch = k.scratch;
  kernels::gemm(p.isa, g, *k.pool);
}

Binding bind_plain(const PlannedNode& n, KernelFn fn) {
  const Stacks s = stacks(n);
  auto p = std::make_shared<PlainMatmul>(PlainMatmul{s.m, s.n, s.k, product(s.batch), s.ta, s.tb});
  p->alpha = static_cast<double>(n.attributes.get_float("alpha", 1.0f));
  p->a_offsets = offsets(s.a, s.batch);
  p->b_offsets = offsets(s.b, s.batch);
  return {fn, p, 0};
}

Binding bind(const PlannedNode& n) {
  if (const KernelFn fn = plain_matmul(n.input(0).dtype)) return bind_plain(n, fn);
  if (n.input(0).dtype != DType::kF32) n.unsupported("no kernel for this element type");
  Stacks s = stacks(n);
  auto params = std::make_shared<Params>();
  Params& p = *params;
  p.isa = n.isa;
  const bool one_b = s.b.count(0, s.b.rank() - 2) == 1;
  if (one_b && !s.ta) {  // rows of every A against one B: one tall product
    s.m *= product(s.batch);
    s.batch.clear();
  }
  kernels::GemmArgs& g = p.args;
  g.shape = {s.m, s.n, s.k, s.ta, s.tb, false, product(s.batch)};
  g.a_row = s.ta ? s.m : s.k;
  g.b_row = s.tb ? s.k : s.n;
  g.c_row = s.n;
  g.epilogue.alpha = n.attributes.get_float("alpha", 1.0f);
  if (!s.batch.empty()) {
    p.a_offsets = offsets(s.a, s.batch);
    p.b_offsets = offsets(s.b, s.batch);
    for (int64_t i = 0; i < g.shape.batch; ++i) p.c_offsets.push_back(i * s.m * s.n);
    g.a_offsets = p.a_offsets.data();
    g.b_offsets = p.b_offsets.data();
    g.c_offsets = p.c_offsets.data();
  }
  const Tensor* const b = n.input(1).constant;
  if (b != nullptr && one_b) {
    p.packed = Tensor(DType::kF32, Shape{static_cast<int64_t>(kernels::gemm_packed_b_bytes(n.isa, s.k, s.n) / sizeof(float))});
    kernels::gemm_pack_b(n.isa, s.k, s.n, s.tb, b->view().as<float>(), g.b_row, static_cast<float*>(p.packed.mutable_data()));
    g.shape.packed_b = true;
    g.b_offsets = nullptr;
  }
  g.shape.dot = !(n.input(1).packs_each_run && one_b);
  return {run, params, kernels::gemm_scratch_bytes(n.isa, g.shape)};
}

ValueId fused(Graph& g, ValueId a, ValueId b, bool ta, bool tb, float alpha) {
  Attributes attributes;
  if (alpha != 1.0f) attributes.set("alpha", alpha);
  if (ta) attributes.set("transA", int64_t{1});
  if (tb) attributes.set("transB", int64_t{1});
  return g.add1(kFusedMatMul, {a, b}, std::move(attributes));
}

// A stack of matrices as one tall matrix; the last size is known.
ValueId tall(Graph& g, ValueId v) {
  return g.add1(kReshape, {v, g.add_constant("tall", Tensor::of<int64_t>(Shape{2}, {-1, g.type(v).dim(-1).value}))});
}

// dA = alpha dY B'ᵀ, dB = alpha A'ᵀ dY, turned where the operand is stored transposed, summed over what was broadcast. Vectors have
// none: they are refused by returning nothing.
std::vector<ValueId> gradient(GradContext& c) {
  Graph& g = c.graph;
  const bool ta = transposed(c.node.attributes, "transA"), tb = transposed(c.node.attributes, "transB");
  const float alpha = c.node.attributes.get_float("alpha", 1.0f);
  const ValueId a = c.input(0), b = c.input(1), dy = c.grad();
  std::vector<ValueId> grads(2, kNone);
  if (!g.type(a).ranked || !g.type(b).ranked || g.type(a).rank() < 2 || g.type(b).rank() < 2) return grads;
  if (c.wants(0)) grads[0] = sum_to(g, ta ? fused(g, b, dy, tb, true, alpha) : fused(g, dy, b, false, !tb, alpha), a);
  // Against one matrix the product of the tall matrices sums over the stack at once.
  const bool one_b =
      !ta && !tb && g.type(b).rank() == 2 && g.type(a).rank() > 2 && g.type(a).dim(-1).is_constant() && g.type(dy).dim(-1).is_constant();
  if (c.wants(1) && one_b) {
    grads[1] = fused(g, tall(g, a), tall(g, dy), true, false, alpha);
    return grads;
  }
  if (c.wants(1)) grads[1] = sum_to(g, tb ? fused(g, dy, a, true, ta, alpha) : fused(g, a, dy, !ta, false, alpha), b);
  return grads;
}

}  // namespace

constinit const OpDef kMatMul = {
    .name = "MatMul", .inputs = kInputs, .outputs = kOutputs, .versions = kVersions, .traits = kF16Safe, .infer = infer, .cost = cost, .bind = bind};

constinit const OpDef kFusedMatMul = {.name = "FusedMatMul",
                                      .domain = "com.microsoft",
                                      .inputs = kInputs,
                                      .outputs = kOutputs,
                                      .attributes = kFusedAttributes,
                                      .versions = kFusedVersions,
                                      .traits = kF16Safe,
                                      .infer = infer,
                                      .cost = cost,
                                      .bind = bind};

extern const GradDef kMatMulGradient, kFusedMatMulGradient;
constinit const GradDef kMatMulGradient = {&kMatMul, gradient};
constinit const GradDef kFusedMatMulGradient = {&kFusedMatMul, gradient};

}  // namespace omni::ops
