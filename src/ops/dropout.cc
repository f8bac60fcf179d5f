// Dropout (ai.onnx) as inference sees it: the identity, with a mask of all true. Training replaces it by RandomMask (train/set_mode).
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"data"}, {"ratio", kOptional}, {"training_mode", kOptional}};
constexpr Formal kOutputs[] = {{"output"}, {"mask", kOptional}};
constexpr AttributeDef kAttributes[] = {{"seed", AttributeKind::kInt}};

void upgrade_ratio(Graph& graph, NodeDraft& draft) {
  require_inputs(draft, 1);
  const float ratio = draft.attributes.get_float("ratio", 0.5f);
  draft.inputs.resize(1);
  draft.inputs.push_back(graph.add_constant(draft.name + ".ratio", Tensor::scalar(ratio)));
  for (const char* name : {"ratio", "is_test", "consumed_inputs"}) draft.attributes.erase(name);
}

constexpr OpVersion kVersions[] = {{13}, {12}, {10, upgrade_ratio}, {7, upgrade_ratio}, {6, upgrade_ratio}, {1, upgrade_ratio}};

void infer(InferContext& c) {
  c.set(0, c.input(0), c.contents(0) != nullptr ? std::optional<Contents>(*c.contents(0)) : std::nullopt);
  if (!c.wants_output(1)) return;
  Type mask = c.input(0);
  mask.dtype = DType::kBool;
  c.set(1, std::move(mask));
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  std::vector<ValueId> out = {g.add1(kIdentity, {n.inputs[0]})};
  if (n.outputs.size() > 1 && n.outputs[1] != kNone) {
    out.push_back(g.add1(kExpand, {g.add_constant("keep", Tensor::scalar(true)), g.add1(kShape, {n.inputs[0]})}));
  }
  return out;
}

}  // namespace

constinit const OpDef kDropout = {.name = "Dropout",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAttributes,
                                  .versions = kVersions,
                                  .traits = kElementwise | kQuantTransparent | kF16Safe,
                                  .layout = LayoutRule::kAny,
                                  .infer = infer,
                                  .expand = expand};

}  // namespace omni::ops
