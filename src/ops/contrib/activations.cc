// Gelu, FastGelu, BiasGelu, QuickGelu (com.microsoft): ai.onnx.Gelu with a bias before it; x · sigmoid(alpha x).
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kX[] = {{"X"}};
constexpr Formal kY[] = {{"Y"}};
constexpr Formal kFastInputs[] = {{"X"}, {"bias", kOptional, ParamKind::kBias}};
constexpr Formal kBiasInputs[] = {{"A"}, {"B", 0, ParamKind::kBias}};
constexpr Formal kC[] = {{"C"}};
constexpr AttributeDef kAlpha[] = {{"alpha", AttributeKind::kFloat}};
constexpr OpVersion kVersions[] = {{1}};

void require_float(const Parts& p) { p.require(is_float(p.dtype(p.in(0))), "the input is not of a float type"); }

ValueId with_bias(const Parts& p) {
  require_float(p);
  if (!p.has(1)) return p.in(0);
  p.require(p.rank(p.in(1)) == 1, "the bias is not of rank 1");
  return p.add(p.in(0), p.in(1));
}

std::vector<ValueId> expand_gelu(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {p.make(kGelu, {with_bias(p)})};
}

std::vector<ValueId> expand_fast(Graph& g, const Node& n) {
  const Parts p(g, n);
  return {p.make(kGelu, {with_bias(p)}, {{"approximate", std::string("tanh")}})};
}

std::vector<ValueId> expand_quick(Graph& g, const Node& n) {
  const Parts p(g, n);
  require_float(p);
  return {p.mul(p.in(0), p.make(kSigmoid, {p.mul(p.in(0), p.real("alpha", 1.702))}))};
}

}  // namespace

constinit const OpDef kMsGelu = {.name = "Gelu",
                                 .domain = "com.microsoft",
                                 .inputs = kX,
                                 .outputs = kY,
                                 .versions = kVersions,
                                 .infer = inferred_by<expand_gelu>,
                                 .expand = expand_gelu};
constinit const OpDef kMsFastGelu = {.name = "FastGelu",
                                     .domain = "com.microsoft",
                                     .inputs = kFastInputs,
                                     .outputs = kY,
                                     .versions = kVersions,
                                     .infer = inferred_by<expand_fast>,
                                     .expand = expand_fast};
constinit const OpDef kMsBiasGelu = {.name = "BiasGelu",
                                     .domain = "com.microsoft",
                                     .inputs = kBiasInputs,
                                     .outputs = kC,
                                     .versions = kVersions,
                                     .infer = inferred_by<expand_gelu>,
                                     .expand = expand_gelu};
constinit const OpDef kMsQuickGelu = {.name = "QuickGelu",
                                      .domain = "com.microsoft",
                                      .inputs = kX,
                                      .outputs = kY,
                                      .attributes = kAlpha,
                                      .versions = kVersions,
                                      .infer = inferred_by<expand_quick>,
                                      .expand = expand_quick};

}  // namespace omni::ops
