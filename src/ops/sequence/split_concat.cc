// SplitToSequence and ConcatFromSequence (ai.onnx).
#include <algorithm>

#include "core/error.h"
#include "ops/sequence/pieces.h"

namespace omni::ops {

namespace {

constexpr Formal kSplitInputs[] = {{"input"}, {"split", kOptional}};
constexpr Formal kSequence[] = {{"input_sequence"}};
constexpr Formal kSplitOutputs[] = {{"output_sequence"}};
constexpr Formal kConcatOutputs[] = {{"concat_result"}};
constexpr AttributeDef kSplitAttributes[] = {{"axis", AttributeKind::kInt}, {"keepdims", AttributeKind::kInt}};
constexpr AttributeDef kConcatAttributes[] = {{"axis", AttributeKind::kInt, true}, {"new_axis", AttributeKind::kInt}};
constexpr OpVersion kSplitVersions[] = {{24}, {11}};
constexpr OpVersion kConcatVersions[] = {{11}};

constexpr int64_t kMostPieces = int64_t{1} << 24;

void infer_split(InferContext& c) {
  const Type& x = c.input(0);
  if (x.kind != TypeKind::kTensor || dtype_bits(x.dtype) == 4) c.fail("its input must be a tensor of more than 4 bits an element");
  if (c.has_input(1) && c.input(1).dtype != DType::kI64 && c.input(1).dtype != DType::kI32) c.fail("the sizes must be i32 or i64");
  if (!x.ranked) return c.set(0, sequence_of(Type::unranked(x.dtype)));
  const int axis = c.axis(c.attributes.get_int("axis", 0), x.rank());
  Type piece = x;
  if (!c.has_input(1) && c.attributes.get_int("keepdims", 1) == 0) {
    piece.dims.erase(piece.dims.begin() + axis);
  } else {
    piece.dims[static_cast<size_t>(axis)] = c.has_input(1) ? c.dims.fresh() : Dim(1);
  }
  c.set(0, sequence_of(piece));
}

// The sizes of the pieces: none given: ones; a scalar: pieces of that size, the last one smaller; else as they are. Empty with a status.
std::vector<int64_t> sizes_of(const Tensor* split, int64_t length, StatusSlot& status) {
  if (split != nullptr && split->shape().rank() > 0) {
    std::vector<int64_t> sizes = to_int64(*split);
    int64_t rest = length;
    for (const int64_t s : sizes) {
      if (s < 0 || s > rest) {
        status.fail(0, "the sizes of a split do not add up to the axis (size, left)", s, rest);
        return {};
      }
      rest -= s;
    }
    if (rest != 0) status.fail(0, "the sizes of a split do not add up to the axis (left over, axis)", rest, length);
    return sizes;
  }
  const int64_t each = split != nullptr ? to_int64(*split)[0] : 1;
  if (each < 1) {
    status.fail(0, "the size of a split's pieces must be positive (size)", each);
    return {};
  }
  const int64_t full = length / each;
  if (full >= kMostPieces) {
    status.fail(0, "a split into more than 2^24 pieces (pieces)", full);
    return {};
  }
  std::vector<int64_t> sizes(static_cast<size_t>(full), each);
  if (length % each != 0) sizes.push_back(length % each);
  return sizes;
}

std::vector<Tensor> split(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  const Tensor& x = inputs[0];
  const int64_t wanted = n.attributes.get_int("axis", 0);
  const int axis = static_cast<int>(wanted < 0 ? wanted + x.shape().rank() : wanted);
  if (axis < 0 || axis >= x.shape().rank()) {
    status.fail(0, "an axis that the tensor does not have (axis, rank)", wanted, x.shape().rank());
    return {};
  }
  const bool given = n.has_input(1);
  const std::vector<int64_t> sizes = sizes_of(given ? &inputs[1] : nullptr, x.shape()[axis], status);
  if (!status.status().ok()) return {};
  const bool squeeze = !given && n.attributes.get_int("keepdims", 1) == 0;
  std::vector<Tensor> pieces;
  int64_t at = 0;
  for (const int64_t size : sizes) {
    Tensor piece = cut_axis(x, axis, at, size);
    if (squeeze) {
      std::vector<int64_t> dims(piece.shape().begin(), piece.shape().end());
      dims.erase(dims.begin() + axis);
      piece = piece.reshaped(Shape(std::span<const int64_t>(dims)));
    }
    pieces.push_back(std::move(piece));
    at += size;
  }
  return {Tensor::sequence(x.dtype(), std::move(pieces))};
}

void infer_concat(InferContext& c) {
  if (c.input(0).kind != TypeKind::kSequence) c.fail("its input must be a sequence");
  const Type element = element_of(c.input(0));
  if (!element.ranked) return c.set(0, Type::unranked(element.dtype));
  const bool stack = c.attributes.get_int("new_axis", 0) != 0;
  const int axis = c.axis(c.attributes.get_int("axis", 0), element.rank() + (stack ? 1 : 0));
  Type out = element;
  if (stack) {
    if (out.rank() == Shape::kMaxRank) c.fail("tensors of rank 8 cannot be stacked");
    out.dims.insert(out.dims.begin() + axis, c.dims.fresh());
  } else {
    out.dims[static_cast<size_t>(axis)] = c.dims.fresh();
  }
  for (Dim& d : out.dims) {
    if (!d.is_constant()) d = c.dims.fresh();
  }
  c.set(0, out);
}

std::vector<Tensor> concat(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  const std::span<const Tensor> pieces = inputs[0].elements();
  const bool stack = n.attributes.get_int("new_axis", 0) != 0;
  const int64_t wanted = n.attributes.get_int("axis", 0);
  const int rank = pieces.empty() ? 0 : pieces[0].shape().rank() + (stack ? 1 : 0);
  const int64_t axis = wanted < 0 ? wanted + rank : wanted;
  if (const char* problem = join_problem(pieces, static_cast<int>(std::clamp<int64_t>(axis, -1, 1000)), stack); *problem != '\0') {
    status.fail(0, problem);
    return {};
  }
  return {stack ? stack_axis(pieces, static_cast<int>(axis)) : join_axis(pieces, static_cast<int>(axis))};
}

}  // namespace

constinit const OpDef kSplitToSequence = {.name = "SplitToSequence",
                                          .inputs = kSplitInputs,
                                          .outputs = kSplitOutputs,
                                          .attributes = kSplitAttributes,
                                          .versions = kSplitVersions,
                                          .traits = kDataDependent | kTakesSequences,
                                          .infer = infer_split,
                                          .produce = split};

constinit const OpDef kConcatFromSequence = {.name = "ConcatFromSequence",
                                             .inputs = kSequence,
                                             .outputs = kConcatOutputs,
                                             .attributes = kConcatAttributes,
                                             .versions = kConcatVersions,
                                             .traits = kDataDependent | kTakesSequences,
                                             .infer = infer_concat,
                                             .produce = concat};

}  // namespace omni::ops
