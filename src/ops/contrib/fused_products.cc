// FusedConv and FusedGemm (com.microsoft): a convolution or a product with an addend and an activation by name. ONNX Runtime writes them into the
// graphs that it saves.
#include <cmath>

#include "core/error.h"
#include "ops/contrib/expansion.h"

namespace omni::ops {

namespace {

constexpr Formal kConvInputs[] = {{"X"}, {"W", 0, ParamKind::kWeight}, {"B", kOptional, ParamKind::kBias}, {"Z", kOptional}};
constexpr Formal kGemmInputs[] = {{"A"}, {"B", 0, ParamKind::kWeight}, {"C", kOptional, ParamKind::kBias}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kConvAttributes[] = {{"activation", AttributeKind::kString}, {"activation_params", AttributeKind::kFloats},
                                            {"auto_pad", AttributeKind::kString},   {"dilations", AttributeKind::kInts},
                                            {"group", AttributeKind::kInt},         {"kernel_shape", AttributeKind::kInts},
                                            {"pads", AttributeKind::kInts},         {"strides", AttributeKind::kInts}};
constexpr AttributeDef kGemmAttributes[] = {{"activation", AttributeKind::kString},
                                            {"activation_alpha", AttributeKind::kFloat},
                                            {"activation_beta", AttributeKind::kFloat},
                                            {"activation_gamma", AttributeKind::kFloat},
                                            {"alpha", AttributeKind::kFloat},
                                            {"beta", AttributeKind::kFloat},
                                            {"transA", AttributeKind::kInt},
                                            {"transB", AttributeKind::kInt}};

// The activation of that name; `params` are its attributes in the order of its specification.
ValueId activate(const Parts& p, ValueId y, std::string_view name, const std::vector<float>& params) {
  const auto param = [&](size_t i, float fallback) { return i < params.size() ? params[i] : fallback; };
  if (name.empty()) return y;
  if (name == "Relu") return p.make(kRelu, {y});
  if (name == "Tanh") return p.make(kTanh, {y});
  if (name == "Sigmoid") return p.make(kSigmoid, {y});
  if (name == "Softplus") return p.make(kSoftplus, {y});
  if (name == "Softsign") return p.make(kSoftsign, {y});
  if (name == "Elu") return p.make(kElu, {y}, {{"alpha", param(0, 1.0f)}});
  if (name == "LeakyRelu") return p.make(kLeakyRelu, {y}, {{"alpha", param(0, 0.01f)}});
  if (name == "ThresholdedRelu") return p.make(kThresholdedRelu, {y}, {{"alpha", param(0, 1.0f)}});
  if (name == "HardSigmoid") return p.make(kHardSigmoid, {y}, {{"alpha", param(0, 0.2f)}, {"beta", param(1, 0.5f)}});
  if (name == "Clip") {
    const float low = param(0, -INFINITY), high = param(1, INFINITY);
    return p.make(kClip, {y, number(p.g, y, static_cast<double>(low)), number(p.g, y, static_cast<double>(high))});
  }
  throw Error(ErrorCode::kUnsupported, "the activation " + quoted(std::string(name)) + " is not known");
}

std::vector<ValueId> expand_conv(Graph& g, const Node& n) {
  const Parts p(g, n);
  Attributes window = p.attributes;
  window.erase("activation");
  window.erase("activation_params");
  std::vector<ValueId> in = {p.in(0), p.in(1)};
  if (p.has(2)) in.push_back(p.in(2));
  ValueId y = p.make(kConv, std::move(in), std::move(window));
  if (p.has(3)) y = p.add(y, p.in(3));
  return {activate(p, y, p.attributes.get_string("activation", ""), p.attributes.get_floats("activation_params"))};
}

std::vector<ValueId> expand_gemm(Graph& g, const Node& n) {
  const Parts p(g, n);
  Attributes a;
  for (const char* name : {"alpha", "beta"}) {
    if (p.attributes.has(name)) a.set(name, p.attributes.get_float(name, 1));
  }
  for (const char* name : {"transA", "transB"}) {
    if (p.attributes.has(name)) a.set(name, p.integer(name, 0));
  }
  std::vector<float> params;
  for (const char* name : {"activation_alpha", "activation_beta", "activation_gamma"}) {
    if (p.attributes.has(name)) params.push_back(p.attributes.get_float(name, 0));
  }
  return {activate(p, p.make(kGemm, p.inputs, std::move(a)), p.attributes.get_string("activation", ""), params)};
}

}  // namespace

constinit const OpDef kMsFusedConv = composite<expand_conv>("com.microsoft", "FusedConv", kConvInputs, kOutputs, kConvAttributes);
constinit const OpDef kMsFusedGemm = composite<expand_gemm>("com.microsoft", "FusedGemm", kGemmInputs, kOutputs, kGemmAttributes);

}  // namespace omni::ops
