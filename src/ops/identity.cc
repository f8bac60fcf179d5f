// Identity (ai.onnx): the same value under another name. Also of sequences and optionals.
#include "graph/grad_def.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr OpVersion kVersions[] = {{21}, {19}, {16}, {14}, {13}, {1}};

void infer(InferContext& c) {
  const Contents* contents = c.contents(0);
  c.set(0, c.input(0), contents != nullptr ? std::optional<Contents>(*contents) : std::nullopt);
}

std::vector<Tensor> produce(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot&) { return {inputs[0]}; }

std::vector<ValueId> gradient(GradContext& c) { return {c.graph.add1(kIdentity, {c.grad()})}; }

}  // namespace

constinit const OpDef kIdentity = {.name = "Identity",
                                   .inputs = kInputs,
                                   .outputs = kOutputs,
                                   .versions = kVersions,
                                   .traits = kView | kElementwise | kQuantTransparent | kF16Safe | kTakesSequences,
                                   .layout = LayoutRule::kAny,
                                   .infer = infer,
                                   .produce = produce};

extern const GradDef kIdentityGradient;
constinit const GradDef kIdentityGradient = {.op = &kIdentity, .rule = gradient};

}  // namespace omni::ops
