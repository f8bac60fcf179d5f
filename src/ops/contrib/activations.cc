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
  return {p.make(kSwish, {p.in(0)}, {{"alpha", static_cast<float>(p.real("alpha", 1.702))}})};
}

}  // namespace

constinit const OpDef kMsGelu = composite<expand_gelu>("com.microsoft", "Gelu", kX, kY);
constinit const OpDef kMsFastGelu = composite<expand_fast>("com.microsoft", "FastGelu", kFastInputs, kY);
constinit const OpDef kMsBiasGelu = composite<expand_gelu>("com.microsoft", "BiasGelu", kBiasInputs, kC);
constinit const OpDef kMsQuickGelu = composite<expand_quick>("com.microsoft", "QuickGelu", kX, kY, kAlpha);

}  // namespace omni::ops
