// LpPool and GlobalLpPool (ai.onnx): the p-norm of each window.
#include <algorithm>

#include "ops/op_list.h"
#include "ops/spatial/pool_nd.h"
#include "ops/window.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString},   {"ceil_mode", AttributeKind::kInt},
                                        {"dilations", AttributeKind::kInts},    {"kernel_shape", AttributeKind::kInts, true},
                                        {"p", AttributeKind::kInt},             {"pads", AttributeKind::kInts},
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
                                       .bind = bind};

}  // namespace omni::ops
