// Optional, OptionalHasElement, OptionalGetElement (ai.onnx). At run time an optional is what it holds, or nothing.
#include "core/error.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kInput[] = {{"input", kOptional}};
constexpr Formal kRequired[] = {{"input"}};
constexpr Formal kOutput[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"type", AttributeKind::kString}};  // "f32", "seq(i64)"
constexpr OpVersion kMakeVersions[] = {{15}};
constexpr OpVersion kVersions[] = {{18}, {15}};

struct Held {
  DType dtype;
  bool sequence;
};

std::optional<Held> held_type(const Attributes& a) {
  std::string_view text = a.get_string("type", "");
  const bool sequence = text.starts_with("seq(") && text.ends_with(")");
  if (sequence) text = text.substr(4, text.size() - 5);
  const std::optional<DType> dtype = parse_dtype(text);
  if (!dtype) return std::nullopt;
  return Held{*dtype, sequence};
}

bool is_sequence(TypeKind k) { return k == TypeKind::kSequence || k == TypeKind::kOptionalSequence; }

void infer_make(InferContext& c) {
  Type type;
  if (c.has_input(0)) {
    type = c.input(0);
    if (type.kind != TypeKind::kTensor && type.kind != TypeKind::kSequence) c.fail("an optional of an optional");
  } else {
    const std::optional<Held> held = held_type(c.attributes);
    if (!held) c.fail("without an input it needs the type of what it could hold");
    type = Type::unranked(held->dtype);
    if (held->sequence) type.kind = TypeKind::kSequence;
  }
  type.kind = is_sequence(type.kind) ? TypeKind::kOptionalSequence : TypeKind::kOptional;
  c.set(0, type);
}

std::vector<Tensor> make(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot&) {
  if (n.has_input(0)) return {inputs[0]};
  return {Tensor::nothing(n.output(0).dtype)};
}

void infer_has(InferContext& c) { c.set(0, Type(DType::kBool, std::vector<Dim>{})); }

std::vector<Tensor> has(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot&) {
  return {Tensor::of<bool>(Shape{}, {n.has_input(0) && !inputs[0].is_nothing()})};
}

void infer_get(InferContext& c) {
  Type type = c.input(0);
  type.kind = is_sequence(type.kind) ? TypeKind::kSequence : TypeKind::kTensor;
  c.set(0, type);
}

std::vector<Tensor> get(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot& status) {
  if (!inputs[0].is_nothing()) return {inputs[0]};
  status.fail(0, "the optional holds nothing");
  return {};
}

}  // namespace

constinit const OpDef kOptionalOp = {.name = "Optional",
                                     .inputs = kInput,
                                     .outputs = kOutput,
                                     .attributes = kAttributes,
                                     .versions = kMakeVersions,
                                     .traits = kDataDependent | kTakesSequences,
                                     .infer = infer_make,
                                     .produce = make};
constinit const OpDef kOptionalHasElement = {.name = "OptionalHasElement",
                                             .inputs = kInput,
                                             .outputs = kOutput,
                                             .versions = kVersions,
                                             .traits = kDataDependent | kTakesSequences,
                                             .infer = infer_has,
                                             .produce = has};
constinit const OpDef kOptionalGetElement = {.name = "OptionalGetElement",
                                             .inputs = kRequired,
                                             .outputs = kOutput,
                                             .versions = kVersions,
                                             .traits = kDataDependent | kTakesSequences,
                                             .infer = infer_get,
                                             .produce = get};

}  // namespace omni::ops
