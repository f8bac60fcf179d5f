// Gemm (ai.onnx): Y = alpha * A' * B' + beta * C, A' and B' plain or transposed, C broadcast to Y. And its gradient.
// ai.omni.FusedGemm: clamp(Gemm(A, B, C) + residual, min, max); A may also be a stack of matrices [.., M, K] against one B, then C is [N] or one value.
#include "kernels/gemm/gemm.h"

#include <limits>

#include "graph/grad_def.h"
#include "ops/elementwise.h"
#include "ops/linear/plain_matmul.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"A"}, {"B", 0, ParamKind::kWeight}, {"C", kOptional, ParamKind::kBias}};
constexpr Formal kFusedInputs[] = {{"A"}, {"B", 0, ParamKind::kWeight}, {"C", kOptional, ParamKind::kBias}, {"residual", kOptional}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {
    {"alpha", AttributeKind::kFloat}, {"beta", AttributeKind::kFloat}, {"transA", AttributeKind::kInt}, {"transB", AttributeKind::kInt}};

// Before opset 7 C broadcast only where asked; every model that ran then means the same now.
void upgrade_broadcast(Graph&, NodeDraft& draft) { draft.attributes.erase("broadcast"); }

void lower_needs_c(const Graph&, NodeDraft& draft) {
  if (draft.inputs.size() < 3 || draft.inputs[2] == kNone) {
    throw Error(ErrorCode::kUnsupported, "Gemm without C needs opset 11", draft.name, "export with opset 11 or newer");
  }
}

constexpr OpVersion kVersions[] = {{13}, {11}, {9, nullptr, lower_needs_c}, {7}, {6, upgrade_broadcast}, {1, upgrade_broadcast}};

constexpr float kInfinity = std::numeric_limits<float>::infinity();

bool transposed(const Attributes& a, const char* name) { return a.get_int(name, 0) != 0; }

Type matrix_type(InferContext& c) {
  const Type &a = c.input(0), &b = c.input(1);
  if (a.dtype != b.dtype || (c.has_input(2) && c.input(2).dtype != a.dtype)) c.fail("the inputs have different element types");
  if ((a.ranked && a.rank() != 2) || (b.ranked && b.rank() != 2)) c.fail("A and B must be matrices");
  if (!a.ranked || !b.ranked) return Type::unranked(a.dtype);
  const bool ta = transposed(c.attributes, "transA"), tb = transposed(c.attributes, "transB");
  const Dim k = a.dim(ta ? 0 : 1), k2 = b.dim(tb ? 1 : 0), m = a.dim(ta ? 1 : 0), n = b.dim(tb ? 0 : 1);
  if (k.is_constant() && k2.is_constant() && k != k2) {
    c.fail("A has " + std::to_string(k.value) + " columns, B has " + std::to_string(k2.value) + " rows" + (ta || tb ? " (after transposition)" : ""));
  }
  if (c.has_input(2) && c.input(2).ranked) {
    const std::vector<Dim>& d = c.input(2).dims;
    const Dim out[2] = {m, n};
    bool fits = d.size() <= 2;
    for (size_t i = 0; fits && i < d.size(); ++i) {
      const Dim want = out[2 - d.size() + i];
      fits = d[i] == Dim(1) || !d[i].is_constant() || !want.is_constant() || d[i] == want;
    }
    if (!fits) c.fail("C does not broadcast to Y");
  }
  return Type(a.dtype, {m, n});
}

void infer(InferContext& c) { c.set(0, matrix_type(c)); }

Type stack_type(InferContext& c) {
  const Type &a = c.input(0), &b = c.input(1);
  const bool tb = transposed(c.attributes, "transB");
  if (transposed(c.attributes, "transA")) c.fail("a stack of matrices cannot be transposed");
  if (a.dtype != DType::kF32 || b.dtype != DType::kF32 || (c.has_input(2) && c.input(2).dtype != DType::kF32)) c.fail("the inputs are not all f32");
  if (!b.ranked || b.rank() != 2) c.fail("B must be a matrix");
  const Dim k = a.dim(-1), k2 = b.dim(tb ? 1 : 0), n = b.dim(tb ? 0 : 1);
  if (k.is_constant() && k2.is_constant() && k != k2) c.fail("A has " + std::to_string(k.value) + " columns, B has " + std::to_string(k2.value) + " rows");
  if (c.has_input(2)) {
    const Type& bias = c.input(2);
    const bool fits = bias.ranked && (bias.rank() == 0 || (bias.rank() == 1 && (bias.dim(0) == Dim(1) || !bias.dim(0).is_constant() || !n.is_constant() || bias.dim(0) == n)));
    if (!fits) c.fail("C is not [N]");
  }
  Type y = a;
  y.dims.back() = n;
  return y;
}

void infer_fused(InferContext& c) {
  const Type& a = c.input(0);
  const Type y = a.ranked && a.rank() > 2 ? stack_type(c) : matrix_type(c);
  c.set(0, y);
  if (!c.has_input(3) || !y.ranked) return;
  const Type& residual = c.input(3);
  bool fits = residual.dtype == DType::kF32 && a.dtype == DType::kF32 && residual.ranked && residual.rank() == y.rank();
  for (int d = 0; fits && d < y.rank(); ++d) fits = !residual.dim(d).is_constant() || !y.dim(d).is_constant() || residual.dim(d) == y.dim(d);
  if (!fits) c.fail("the residual has not the shape of Y");
}

struct Sizes {
  int64_t m, n, k;
  bool ta, tb;
};

Sizes sizes(const PlannedNode& p) {
  const bool ta = transposed(p.attributes, "transA"), tb = transposed(p.attributes, "transB");
  const Shape &a = p.input(0).shape, &y = p.output(0).shape;
  return {y.count(0, y.rank() - 1), y[-1], a[ta ? 0 : -1], ta, tb};
}

Cost cost(const PlannedNode& p) {
  const Sizes s = sizes(p);
  return {2 * s.m * s.n * s.k, 0};
}

struct Params {
  Isa isa;
  kernels::GemmArgs args;
  Tensor packed;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::GemmArgs g = p.args;
  g.a = k.inputs[0].as<float>();
  g.b = g.shape.packed_b ? static_cast<const float*>(p.packed.data()) : k.inputs[1].as<float>();
  if (k.inputs.size() > 2) g.epilogue.addend = k.inputs[2].as<float>();
  if (k.inputs.size() > 3) g.epilogue.residual = k.inputs[3].as<float>();
  g.c = k.outputs[0].as<float>();
  g.scratch = k.scratch;
  kernels::gemm(p.isa, g, *k.pool);
}

Binding bind_plain(const PlannedNode& n, KernelFn fn) {
  const Sizes s = sizes(n);
  if (n.input(1).shape[s.tb ? 1 : 0] != s.k || n.attributes.has("min") || n.attributes.has("max") || n.inputs.size() > 3) n.unsupported("the matrices do not fit");
  auto p = std::make_shared<PlainMatmul>(PlainMatmul{s.m, s.n, s.k, 1, s.ta, s.tb});
  p->alpha = static_cast<double>(n.attributes.get_float("alpha", 1.0f));
  p->beta = static_cast<double>(n.attributes.get_float("beta", 1.0f));
  if (n.has_input(2)) {
    const Shape& c = n.input(2).shape;
    if (c.rank() > 2 || (c.rank() > 0 && c[-1] != 1 && c[-1] != s.n) || (c.rank() == 2 && c[0] != 1 && c[0] != s.m)) n.unsupported("C does not broadcast to Y");
    p->c_column = c.rank() > 0 && c[-1] != 1 ? 1 : 0;
    p->c_row = c.rank() == 2 && c[0] != 1 ? c[1] : 0;
  }
  return {fn, p, 0};
}

Binding bind(const PlannedNode& n) {
  if (const KernelFn fn = plain_matmul(n.input(0).dtype)) return bind_plain(n, fn);
  if (n.input(0).dtype != DType::kF32) n.unsupported("no kernel for this element type");
  const Sizes s = sizes(n);
  if (n.input(1).shape[s.tb ? 1 : 0] != s.k) n.unsupported("the matrices do not fit");
  auto params = std::make_shared<Params>();
  params->isa = n.isa;
  kernels::GemmArgs& g = params->args;
  g.shape = {s.m, s.n, s.k, s.ta, s.tb, false, 1};
  g.a_row = s.ta ? s.m : s.k;
  g.b_row = s.tb ? s.k : s.n;
  g.c_row = s.n;
  g.epilogue.alpha = n.attributes.get_float("alpha", 1.0f);
  g.epilogue.beta = n.attributes.get_float("beta", 1.0f);
  g.epilogue.lo = n.attributes.get_float("min", -kInfinity);
  g.epilogue.hi = n.attributes.get_float("max", kInfinity);
  g.epilogue.clamp = g.epilogue.lo != -kInfinity || g.epilogue.hi != kInfinity;
  if (n.has_input(2)) {
    const Shape& c = n.input(2).shape;
    if (c.rank() > 2 || (c.rank() > 0 && c[-1] != 1 && c[-1] != s.n) || (c.rank() == 2 && c[0] != 1 && c[0] != s.m))
      n.unsupported("C does not broadcast to Y");
    const bool columns = c.rank() > 0 && c[-1] != 1, rows = c.rank() == 2 && c[0] != 1;
    g.epilogue.addend_column = columns ? 1 : 0;
    g.epilogue.addend_row = rows ? c[1] : 0;
  }
  g.epilogue.residual_row = s.n;
  if (n.has_input(3) && n.input(3).shape != n.output(0).shape) n.unsupported("the residual has not the shape of Y");
  if (const Tensor* b = n.input(1).constant) {
    params->packed = Tensor(DType::kF32, Shape{static_cast<int64_t>(kernels::gemm_packed_b_bytes(n.isa, s.k, s.n) / sizeof(float))});
    kernels::gemm_pack_b(n.isa, s.k, s.n, s.tb, b->view().as<float>(), g.b_row, static_cast<float*>(params->packed.mutable_data()));
    g.shape.packed_b = true;
  }
  g.shape.dot = !n.input(1).packs_each_run;
  return {run, params, kernels::gemm_scratch_bytes(n.isa, g.shape)};
}

// dA = alpha dY B'ᵀ, dB = alpha A'ᵀ dY (turned where the operand is stored transposed), dC = beta dY summed to C.
std::vector<ValueId> gradient(GradContext& c) {
  Graph& g = c.graph;
  const Attributes& a = c.node.attributes;
  const bool ta = transposed(a, "transA"), tb = transposed(a, "transB");
  const float alpha = a.get_float("alpha", 1.0f), beta = a.get_float("beta", 1.0f);
  const auto product = [&](ValueId x, ValueId y, bool tx, bool ty) {
    Attributes attributes;
    if (alpha != 1.0f) attributes.set("alpha", alpha);
    if (tx) attributes.set("transA", int64_t{1});
    if (ty) attributes.set("transB", int64_t{1});
    return g.add1(kGemm, {x, y}, std::move(attributes));
  };
  const ValueId dy = c.grad(), x = c.input(0), w = c.input(1);
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (c.wants(0)) grads[0] = ta ? product(w, dy, tb, true) : product(dy, w, false, !tb);
  if (c.wants(1)) grads[1] = tb ? product(dy, x, true, ta) : product(x, dy, !ta, false);
  if (c.wants(2)) {
    const ValueId scaled = beta == 1.0f ? dy : g.add1(kMul, {dy, number(g, dy, beta)});
    grads[2] = sum_to(g, scaled, c.input(2));
  }
  return grads;
}

// alpha A B' + beta C of a stack.
ValueId expand_stack(Graph& graph, const Node& n) {
  Attributes product;
  for (const char* name : {"alpha", "transB"}) {
    if (n.attributes.has(name)) product.set(name, *n.attributes.find(name));
  }
  const ValueId y = graph.add1(kFusedMatMul, {n.inputs[0], n.inputs[1]}, std::move(product));
  if (n.inputs.size() < 3 || n.inputs[2] == kNone) return y;
  const float beta = n.attributes.get_float("beta", 1.0f);
  return graph.add1(kAdd, {y, beta == 1.0f ? n.inputs[2] : graph.add1(kMul, {n.inputs[2], number(graph, n.inputs[2], static_cast<double>(beta))})});
}

std::vector<ValueId> expand_fused(Graph& graph, const Node& n) {
  const Type& a = graph.type(n.inputs[0]);
  Attributes plain = n.attributes;
  plain.erase("min");
  plain.erase("max");
  const float lo = n.attributes.get_float("min", -kInfinity), hi = n.attributes.get_float("max", kInfinity);
  std::vector<ValueId> inputs(n.inputs.begin(), n.inputs.begin() + static_cast<int64_t>(std::min<size_t>(3, n.inputs.size())));
  while (inputs.back() == kNone) inputs.pop_back();
  ValueId y = a.ranked && a.rank() > 2 ? expand_stack(graph, n) : graph.add1(kGemm, std::move(inputs), std::move(plain), {.name = n.name});
  if (n.inputs.size() > 3) y = graph.add1(kAdd, {y, n.inputs[3]});
  if (lo == -kInfinity && hi == kInfinity) return {y};
  if (lo == 0 && hi == kInfinity) return {graph.add1(kRelu, {y})};
  return {graph.add1(kClip, {y, graph.add_constant("min", Tensor::scalar(lo)), graph.add_constant("max", Tensor::scalar(hi))})};
}

constexpr AttributeDef kFusedAttributes[] = {{"alpha", AttributeKind::kFloat}, {"beta", AttributeKind::kFloat}, {"transA", AttributeKind::kInt},
                                             {"transB", AttributeKind::kInt},  {"min", AttributeKind::kFloat},  {"max", AttributeKind::kFloat}};

}  // namespace

constinit const OpDef kGemm = {.name = "Gemm",
                               .inputs = kInputs,
                               .outputs = kOutputs,
                               .attributes = kAttributes,
                               .versions = kVersions,
                               .traits = kF16Safe,
                               .infer = infer,
                               .cost = cost,
                               .bind = bind};

constinit const OpDef kFusedGemm = {.name = "FusedGemm",
                                    .domain = "ai.omni",
                                    .inputs = kFusedInputs,
                                    .outputs = kOutputs,
                                    .attributes = kFusedAttributes,
                                    .infer = infer_fused,
                                    .cost = cost,
                                    .bind = bind,
                                    .expand = expand_fused};

extern const GradDef kGemmGradient;
constinit const GradDef kGemmGradient = {&kGemm, gradient};

}  // namespace omni::ops
