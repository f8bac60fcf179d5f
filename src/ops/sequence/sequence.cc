// Sequences of tensors (ai.onnx): SequenceEmpty, SequenceConstruct, SequenceInsert, SequenceErase, SequenceAt, SequenceLength.
#include <algorithm>

#include "core/error.h"
#include "ops/onnx_dtype.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"inputs", kVariadic}};
constexpr Formal kOne[] = {{"input_sequence"}};
constexpr Formal kWithPosition[] = {{"input_sequence"}, {"position", kOptional}};
constexpr Formal kAtInputs[] = {{"input_sequence"}, {"position"}};
constexpr Formal kInsertInputs[] = {{"input_sequence"}, {"tensor"}, {"position", kOptional}};
constexpr Formal kSequenceOut[] = {{"output_sequence"}};
constexpr Formal kTensorOut[] = {{"tensor"}};
constexpr Formal kLengthOut[] = {{"length"}};
constexpr AttributeDef kEmptyAttributes[] = {{"dtype", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{11}};

void need_sequence(const InferContext& c) {
  if (c.input(0).kind != TypeKind::kSequence) c.fail("its first input must be a sequence");
}

void need_position(const InferContext& c, int i) {
  if (!c.has_input(i)) return;
  const Type& t = c.input(i);
  if (t.kind != TypeKind::kTensor || (t.dtype != DType::kI64 && t.dtype != DType::kI32)) c.fail("the position must be i32 or i64");
}

// The position in [0, length), or with `behind` up to length; nothing, and a status, where there is none.
std::optional<size_t> position_in(const Tensor& position, size_t length, bool behind, StatusSlot& status) {
  const int64_t n = static_cast<int64_t>(length);
  if (position.count() != 1) {
    status.fail(0, "a position in a sequence must be one element (elements)", position.count());
    return std::nullopt;
  }
  int64_t at = to_int64(position)[0];
  if (at < 0) at += n;
  if (at >= 0 && at < n + (behind ? 1 : 0)) return static_cast<size_t>(at);
  status.fail(0, "a position outside of the sequence (position, length)", to_int64(position)[0], n);
  return std::nullopt;
}

DType empty_dtype(const Attributes& a) {
  return from_onnx(static_cast<int32_t>(std::clamp<int64_t>(a.get_int("dtype", 1), 0, 1000))).value_or(DType::kF32);
}

void infer_empty(InferContext& c) {
  const int64_t code = c.attributes.get_int("dtype", 1);
  if (code < 0 || code > 1000 || !from_onnx(static_cast<int32_t>(code))) c.fail("the element type " + std::to_string(code) + " is not supported");
  c.set(0, sequence_of(Type::unranked(empty_dtype(c.attributes))));
}

std::vector<Tensor> make_empty(const PlannedNode& n, std::span<const Tensor>, StatusSlot&) {
  return {Tensor::sequence(empty_dtype(n.attributes), {})};
}

void infer_construct(InferContext& c) {
  Type element = c.input(0);
  for (int i = 0; i < c.input_count(); ++i) {
    if (!c.has_input(i) || c.input(i).kind != TypeKind::kTensor) c.fail("a sequence is made of tensors");
    if (c.input(i).dtype != element.dtype) c.fail("the tensors have different element types");
    element = merge_types(element, c.input(i), c.dims);
  }
  c.set(0, sequence_of(element));
}

std::vector<Tensor> construct(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot&) {
  return {Tensor::sequence(inputs[0].dtype(), {inputs.begin(), inputs.end()})};
}

void infer_insert(InferContext& c) {
  need_sequence(c);
  need_position(c, 2);
  if (c.input(1).kind != TypeKind::kTensor || c.input(1).dtype != c.input(0).dtype) c.fail("the tensor is of another type than the sequence's");
  c.set(0, sequence_of(merge_types(c.input(1), element_of(c.input(0)), c.dims)));
}

std::vector<Tensor> insert(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  std::vector<Tensor> elements(inputs[0].elements().begin(), inputs[0].elements().end());
  size_t at = elements.size();
  if (n.has_input(2)) {
    const auto wanted = position_in(inputs[2], elements.size(), true, status);
    if (!wanted) return {};
    at = *wanted;
  }
  elements.insert(elements.begin() + static_cast<ptrdiff_t>(at), inputs[1]);
  return {Tensor::sequence(inputs[0].dtype(), std::move(elements))};
}

void infer_erase(InferContext& c) {
  need_sequence(c);
  need_position(c, 1);
  c.set(0, c.input(0));
}

std::vector<Tensor> erase(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  std::vector<Tensor> elements(inputs[0].elements().begin(), inputs[0].elements().end());
  if (elements.empty()) {
    status.fail(0, "nothing to erase in an empty sequence");
    return {};
  }
  size_t at = elements.size() - 1;
  if (n.has_input(1)) {
    const auto wanted = position_in(inputs[1], elements.size(), false, status);
    if (!wanted) return {};
    at = *wanted;
  }
  elements.erase(elements.begin() + static_cast<ptrdiff_t>(at));
  return {Tensor::sequence(inputs[0].dtype(), std::move(elements))};
}

void infer_at(InferContext& c) {
  need_sequence(c);
  need_position(c, 1);
  Type element = element_of(c.input(0));
  for (Dim& d : element.dims) {
    if (!d.is_constant()) d = c.dims.fresh();
  }
  c.set(0, element);
}

std::vector<Tensor> at(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot& status) {
  const auto wanted = position_in(inputs[1], inputs[0].elements().size(), false, status);
  if (!wanted) return {};
  return {inputs[0].elements()[*wanted]};
}

void infer_length(InferContext& c) {
  need_sequence(c);
  c.set(0, Type(DType::kI64, std::vector<Dim>{}));
}

std::vector<Tensor> length(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot&) {
  return {Tensor::scalar(static_cast<int64_t>(inputs[0].elements().size()))};
}

using ProduceFn = std::vector<Tensor> (*)(const PlannedNode&, std::span<const Tensor>, StatusSlot&);

constexpr OpDef sequence_op(std::string_view name, std::span<const Formal> inputs, std::span<const Formal> outputs, void (*infer)(InferContext&),
                            ProduceFn produce) {
  return {.name = name, .inputs = inputs, .outputs = outputs, .versions = kVersions, .traits = kDataDependent | kTakesSequences, .infer = infer, .produce = produce};
}

}  // namespace

constinit const OpDef kSequenceEmpty = {.name = "SequenceEmpty",
                                        .outputs = kSequenceOut,
                                        .attributes = kEmptyAttributes,
                                        .versions = kVersions,
                                        .traits = kDataDependent | kTakesSequences,
                                        .infer = infer_empty,
                                        .produce = make_empty};
constinit const OpDef kSequenceConstruct = sequence_op("SequenceConstruct", kInputs, kSequenceOut, infer_construct, construct);
constinit const OpDef kSequenceInsert = sequence_op("SequenceInsert", kInsertInputs, kSequenceOut, infer_insert, insert);
constinit const OpDef kSequenceErase = sequence_op("SequenceErase", kWithPosition, kSequenceOut, infer_erase, erase);
constinit const OpDef kSequenceAt = sequence_op("SequenceAt", kAtInputs, kTensorOut, infer_at, at);
constinit const OpDef kSequenceLength = sequence_op("SequenceLength", kOne, kLengthOut, infer_length, length);

}  // namespace omni::ops
