// SequenceMap (ai.onnx): a body for each element of a sequence; other inputs are sequences taken element by element too, or tensors given to each.
#include "core/error.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input_sequence"}, {"additional_inputs", kVariadic | kOptional}};
constexpr Formal kOutputs[] = {{"out_sequence", kVariadic}};
constexpr std::string_view kBodies[] = {"body"};
constexpr OpVersion kVersions[] = {{17}};

void infer(InferContext& c) {
  const Graph& body = *c.bodies()[0];
  if (c.input(0).kind != TypeKind::kSequence) c.fail("its first input must be a sequence");
  if (static_cast<int>(body.inputs().size()) < c.input_count()) c.fail("its body takes fewer values than are given");
  if (c.output_count() > static_cast<int>(body.outputs().size())) c.fail("more outputs than the body gives");
  for (int i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i)) c.fail("an input is missing");
    const Type& formal = body.type(body.inputs()[static_cast<size_t>(i)]);
    if (formal.dtype != c.input(i).dtype || formal.kind != TypeKind::kTensor) c.fail("its body takes another type than is given");
  }
  for (int i = 0; i < c.output_count(); ++i) {
    if (!c.wants_output(i)) continue;
    Type t = type_of(body, body.outputs()[static_cast<size_t>(i)], c.dims);
    if (t.kind != TypeKind::kTensor) c.fail("its body must give tensors");
    for (Dim& d : t.dims) {
      if (!d.is_constant()) d = c.dims.fresh();
    }
    c.set(i, sequence_of(t));
  }
}

std::vector<Tensor> control(const PlannedNode& n, std::span<const Tensor> inputs, BodyRunner& bodies, StatusSlot& status) {
  const size_t count = inputs[0].elements().size();
  for (const Tensor& t : inputs) {
    if (!t.is_sequence() || t.elements().size() == count) continue;
    status.fail(0, "the sequences of a SequenceMap have different lengths", static_cast<int64_t>(count), static_cast<int64_t>(t.elements().size()));
    return {};
  }
  std::vector<std::vector<Tensor>> outputs(n.outputs.size());
  for (size_t i = 0; i < count; ++i) {
    std::vector<Tensor> formal;
    for (const Tensor& t : inputs) formal.push_back(t.is_sequence() ? t.elements()[i] : t);
    std::vector<Tensor> given = bodies.run(0, formal);
    for (size_t k = 0; k < outputs.size(); ++k) outputs[k].push_back(std::move(given[k]));
  }
  std::vector<Tensor> results;
  for (size_t k = 0; k < outputs.size(); ++k) {
    results.push_back(n.outputs[k].present ? Tensor::sequence(n.outputs[k].dtype, std::move(outputs[k])) : Tensor());
  }
  return results;
}

}  // namespace

constinit const OpDef kSequenceMap = {.name = "SequenceMap",
                                      .inputs = kInputs,
                                      .outputs = kOutputs,
                                      .bodies = kBodies,
                                      .versions = kVersions,
                                      .traits = kControlFlow | kDataDependent,
                                      .infer = infer,
                                      .control = control};

}  // namespace omni::ops
