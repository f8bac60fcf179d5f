// LpPool and GlobalLpPool (ai.onnx): the p-norm of each window.
#include <algorithm>

#include "graph/grad_def.h"
#include "ops/composer.h"
#include "ops/spatial/pool_nd.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString}, {"ceil_mode", AttributeKind::kInt},
                                        {"dilations", AttributeKind::kInts},  {"kernel_shape", AttributeKind::kInts, true},
                                        {"p", AttributeKind::kInt},           {"pads", AttributeKind::kInts},
                                        {"strides", AttributeKind::kInts}};
constexpr AttributeDef kGlobalAttributes[] = {{"p", AttributeKind::kInt}};

// Opset 1 had p as a float.
void upgrade_p(Graph&, NodeDraft& draft) {
  if (const AttributeValue* p = draft.attributes.find("p"); p != nullptr && std::holds_alternative<float>(*p)) {
    const float value = std::get<float>(*p);
    if (!(value >= 1 && value < 1000) || value != static_cast<float>(static_cast<int64_t>(value)))
      throw Error(ErrorCode::kUnsupported, "a norm of a fractional order", draft.name);
    draft.attributes.set("p", static_cast<int64_t>(value));
  }
}
void lower_18(const Graph&, NodeDraft& draft) {
  const std::vector<int64_t> dilations = draft.attributes.get_ints("dilations");
  const bool dilated = std::any_of(dilations.begin(), dilations.end(), [](int64_t d) { return d != 1; });
  if (dilated || draft.attributes.get_int("ceil_mode", 0) != 0)
    throw Error(ErrorCode::kUnsupported, "dilations and ceil_mode need opset 18", draft.name, "export with opset 18 or newer");
  draft.attributes.erase("dilations");
  draft.attributes.erase("ceil_mode");
}
constexpr OpVersion kVersions[] = {{22}, {18}, {11, nullptr, lower_18}, {2}, {1, upgrade_p}};
constexpr OpVersion kGlobalVersions[] = {{22}, {2}, {1, upgrade_p}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  if (x.rank() < 3) c.fail("X must have a batch, a channel and at least one spatial dimension");
  std::vector<Dim> kernel, dims = {x.dim(0), x.dim(1)};
  for (const int64_t k : c.attributes.get_ints("kernel_shape")) {
    if (k < 1 || k > INT32_MAX) c.fail("kernel_shape holds " + std::to_string(k));
    kernel.emplace_back(k);
  }
  const std::vector<Dim> spatial = infer_window(c, kernel, std::span(x.dims).subspan(2), c.attributes.get_int("ceil_mode", 0) != 0);
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  c.set(0, Type(x.dtype, std::move(dims)));
}

void infer_global(InferContext& c) {
  Type x = c.input(0);
  if (x.ranked && x.rank() < 3) c.fail("X must have a batch, a channel and at least one spatial dimension");
  for (size_t i = 2; x.ranked && i < x.dims.size(); ++i) x.dims[i] = Dim(1);
  c.set(0, std::move(x));
}

Cost cost(const PlannedNode& n) {
  int64_t window = 1;
  for (const int64_t k : n.attributes.get_ints("kernel_shape")) window *= k;
  return {.operations = 2 * n.output(0).shape.count() * window};
}
Cost cost_global(const PlannedNode& n) { return {.operations = 2 * n.input(0).shape.count()}; }

Binding bind(const PlannedNode& n) { return bind_pool_nd(n, PoolKind::kNorm); }

// d|x|^p summed and rooted: sign(x) |x|^(p-1) times what y^(1-p) dY, spread over the windows, comes to; AveragePoolGrad divides by the window.
std::vector<ValueId> gradient(GradContext& c) {
  if (c.node.attributes.get_int("ceil_mode", 0) != 0) return {kNone};
  const Composer b(c.graph);
  const ValueId x = c.input(0), y = c.output(0);
  const double p = static_cast<double>(c.node.attributes.get_int("p", 2));
  double window = 1;
  for (const int64_t k : c.node.attributes.get_ints("kernel_shape")) window *= static_cast<double>(k);
  Attributes attributes = c.node.attributes;
  attributes.erase("p");
  attributes.set("count_include_pad", int64_t{1});
  ValueId flow = c.grad();
  if (p != 1) {
    const ValueId empty = c.graph.add1(kEqual, {y, number(c.graph, y, 0)});
    flow =
        b.where(empty, number(c.graph, y, 0), b.mul(flow, c.graph.add1(kPow, {b.where(empty, number(c.graph, y, 1), y), number(c.graph, y, 1 - p)})));
  }
  const ValueId spread = b.mul(c.graph.add1(kAveragePoolGrad, {flow, x}, std::move(attributes)), window);
  const ValueId sign = c.graph.add1(kSign, {x});
  if (p == 1) return {b.mul(spread, sign)};
  return {b.mul(spread, b.mul(sign, c.graph.add1(kPow, {c.graph.add1(kAbs, {x}), number(c.graph, x, p - 1)})))};
}

// The same of the whole picture, for gradients.
std::vector<ValueId> expand_global(Graph& g, const Node& n) {
  const Composer b(g);
  const ValueId x = n.inputs[0];
  const int64_t p = n.attributes.get_int("p", 2);
  std::vector<int64_t> axes;
  for (int d = 2; d < g.type(x).rank(); ++d) axes.push_back(d);
  if (p <= 2) return {b.reduce(p == 1 ? kReduceL1 : kReduceL2, x, axes, true)};
  const ValueId powers = g.add1(kPow, {g.add1(kAbs, {x}), number(g, x, static_cast<double>(p))});
  return {g.add1(kPow, {b.reduce(kReduceSum, powers, axes, true), number(g, x, 1.0 / static_cast<double>(p))})};
}

}  // namespace

constinit const OpDef kLpPool = {.name = "LpPool",
                                 .inputs = kX,
                                 .outputs = kY,
                                 .attributes = kAttributes,
                                 .versions = kVersions,
                                 .layout = LayoutRule::kChannelsLast,
                                 .channels_last_inputs = 1,
                                 .channels_last_outputs = 1,
                                 .infer = infer,
                                 .cost = cost,
                                 .bind = bind};
constinit const OpDef kGlobalLpPool = {.name = "GlobalLpPool",
                                       .inputs = kX,
                                       .outputs = kY,
                                       .attributes = kGlobalAttributes,
                                       .versions = kGlobalVersions,
                                       .infer = infer_global,
                                       .cost = cost_global,
                                       .bind = bind,
                                       .expand = expand_global};

extern const GradDef kLpPoolGradient;
constinit const GradDef kLpPoolGradient = {.op = &kLpPool, .rule = gradient};

}  // namespace omni::ops
