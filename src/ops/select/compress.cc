// Compress (ai.onnx): the slices along an axis (or the elements, flat) whose condition holds: known only after it ran.
#include <cstring>

#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"condition"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{28}, {11}, {9}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  if (c.input(1).dtype != DType::kBool || (c.input(1).ranked && c.input(1).rank() != 1)) c.fail("the condition is a list of bools");
  if (!c.attributes.has("axis")) return c.set(0, Type(x.dtype, std::vector<Dim>{c.dims.fresh()}));
  if (!x.ranked) return c.set(0, Type::unranked(x.dtype));
  Type type = x;
  type.dims[static_cast<size_t>(c.axis(c.attributes.get_int("axis", 0), x.rank()))] = c.dims.fresh();
  c.set(0, std::move(type));
}

std::vector<Tensor> produce(const PlannedNode& n, std::span<const Tensor> inputs, StatusSlot& status) {
  const Tensor& x = inputs[0];
  const bool flat = !n.attributes.has("axis");
  const int rank = x.shape().rank();
  const int64_t stated = n.attributes.get_int("axis", 0);
  const int axis = flat ? 0 : static_cast<int>(stated < 0 ? stated + rank : stated);
  const int64_t size = flat ? x.count() : x.shape()[axis], outer = flat ? 1 : x.shape().count(0, axis), inner = flat ? 1 : x.shape().count(axis + 1);
  const size_t element = dtype_size(x.dtype());
  if (element == 0 || dtype_bits(x.dtype()) < 8 || inputs[1].shape().rank() != 1) {
    status.fail(0, "no kernel for these types");
    return {};
  }
  std::vector<int64_t> kept;
  const uint8_t* condition = static_cast<const uint8_t*>(inputs[1].data());
  for (int64_t i = 0; i < inputs[1].count(); ++i) {
    if (condition[i] == 0) continue;
    if (i >= size) {
      status.fail(i, "the condition is longer than the axis", i, size);
      return {};
    }
    kept.push_back(i);
  }
  const int64_t n_kept = static_cast<int64_t>(kept.size());
  Shape shape = flat ? Shape{n_kept} : x.shape();
  if (!flat) shape.set(axis, n_kept);
  std::vector<Tensor> out;
  out.emplace_back(x.dtype(), shape);
  const size_t row = static_cast<size_t>(inner) * element;
  char* y = static_cast<char*>(out[0].mutable_data());
  const char* from = static_cast<const char*>(x.data());
  for (int64_t o = 0; o < outer; ++o) {
    for (const int64_t i : kept) {
      if (row != 0) std::memcpy(y, from + static_cast<size_t>(o * size + i) * row, row);
      y += row;
    }
  }
  return out;
}

}  // namespace

constinit const OpDef kCompress = {.name = "Compress",
                                   .inputs = kInputs,
                                   .outputs = kOutputs,
                                   .attributes = kAttributes,
                                   .versions = kVersions,
                                   .traits = kDataDependent | kMovesData,
                                   .infer = infer,
                                   .produce = produce};

}  // namespace omni::ops
