// If (ai.onnx): one of two bodies, by a condition. With a constant condition passes/inline_if puts the body in its place.
#include "core/error.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"cond"}};
constexpr Formal kOutputs[] = {{"outputs", kVariadic | kOptional}};
constexpr std::string_view kBodies[] = {"then_branch", "else_branch"};
constexpr OpVersion kVersions[] = {{25}, {24}, {23}, {21}, {19}, {16}, {13}, {11}, {1}};

void infer(InferContext& c) {
  if (c.input(0).dtype != DType::kBool || c.input(0).kind != TypeKind::kTensor) c.fail("the condition must be bool");
  const Graph &then = *c.bodies()[0], &otherwise = *c.bodies()[1];
  if (then.outputs().size() != otherwise.outputs().size()) {
    c.fail("one branch has " + std::to_string(then.outputs().size()) + " outputs, the other " + std::to_string(otherwise.outputs().size()));
  }
  if (static_cast<size_t>(c.output_count()) > then.outputs().size()) c.fail("more outputs than the branches have");
  for (int i = 0; i < c.output_count(); ++i) {
    if (!c.wants_output(i)) continue;
    const Type a = type_of(then, then.outputs()[static_cast<size_t>(i)], c.dims),
               b = type_of(otherwise, otherwise.outputs()[static_cast<size_t>(i)], c.dims);
    if (a.dtype != b.dtype || a.kind != b.kind) c.fail("output " + std::to_string(i) + " has another type in each branch");
    c.set(i, merge_types(a, b, c.dims));
  }
}

std::vector<Tensor> control(const PlannedNode&, std::span<const Tensor> inputs, BodyRunner& bodies, StatusSlot& status) {
  if (inputs[0].count() != 1) {
    status.fail(0, "the condition of an If must be one element (elements)", inputs[0].count());
    return {};
  }
  return bodies.run(*static_cast<const uint8_t*>(inputs[0].data()) != 0 ? 0 : 1, {});
}

}  // namespace

constinit const OpDef kIf = {.name = "If",
                             .inputs = kInputs,
                             .outputs = kOutputs,
                             .bodies = kBodies,
                             .versions = kVersions,
                             .traits = kControlFlow | kDataDependent,
                             .infer = infer,
                             .control = control};

}  // namespace omni::ops
