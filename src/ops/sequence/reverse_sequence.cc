// ReverseSequence (ai.onnx): the first sequence_lens[b] steps of each batch entry in reverse order. Tensors [time, batch, …] or [batch, time, …].
#include <cstring>

#include "core/error.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}, {"sequence_lens"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr AttributeDef kAttributes[] = {{"batch_axis", AttributeKind::kInt}, {"time_axis", AttributeKind::kInt}};
constexpr OpVersion kVersions[] = {{10}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const int64_t batch = c.attributes.get_int("batch_axis", 1), time = c.attributes.get_int("time_axis", 0);
  const bool right = (batch == 0 && time == 1) || (batch == 1 && time == 0);
  if (!right) c.fail("batch_axis and time_axis must be 0 and 1");
  if (x.ranked && x.rank() < 2) c.fail("its input needs a time and a batch axis");
  if (dtype_bits(x.dtype) == 4) c.fail("4-bit elements cannot be reversed");
  if (c.input(1).dtype != DType::kI64) c.fail("the lengths must be i64");
  if (x.ranked && c.input(1).ranked) {
    const Dim size = x.dim(static_cast<int>(batch));
    const bool fits = c.input(1).rank() == 1 && (c.input(1).dim(0) == size || !c.input(1).dim(0).is_constant() || !size.is_constant());
    if (!fits) c.fail("there must be one length a batch entry");
  }
  c.set(0, x);
}

struct Params {
  int64_t steps, batch, time_stride, batch_stride;  // strides in rows
  size_t row;                                       // bytes
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const int64_t* const lengths = k.inputs[1].as<int64_t>();
  const char* const from = k.inputs[0].as<char>();
  char* const to = k.outputs[0].as<char>();
  k.pool->parallel_for(p.batch, [&](int64_t b) {
    const int64_t length = lengths[b];
    if (length < 0 || length > p.steps) return k.status->fail(b, "a sequence length outside of the sequence (length, steps)", length, p.steps);
    for (int64_t t = 0; t < p.steps; ++t) {
      const int64_t source = t < length ? length - 1 - t : t;
      const auto at = [&](int64_t step) { return static_cast<size_t>(step * p.time_stride + b * p.batch_stride) * p.row; };
      if (p.row > 0) std::memcpy(to + at(t), from + at(source), p.row);
    }
  });
}

Binding bind(const PlannedNode& n) {
  const Shape& x = n.input(0).shape;
  if (x.rank() < 2 || dtype_size(n.input(0).dtype) == 0) n.unsupported("no kernel for this tensor");
  const int batch = static_cast<int>(n.attributes.get_int("batch_axis", 1));
  if (!(n.input(1).shape == Shape{x[batch]})) n.unsupported("there must be one length a batch entry");
  auto p = std::make_shared<Params>();
  p->batch = x[batch];
  p->steps = x[1 - batch];
  p->time_stride = batch == 1 ? x[1] : 1;
  p->batch_stride = batch == 1 ? 1 : x[1];
  p->row = static_cast<size_t>(x.count(2)) * dtype_size(n.input(0).dtype);
  return {run, p, 0};
}

}  // namespace

constinit const OpDef kReverseSequence = {.name = "ReverseSequence",
                                          .inputs = kInputs,
                                          .outputs = kOutputs,
                                          .attributes = kAttributes,
                                          .versions = kVersions,
                                          .traits = kMovesData,
                                          .infer = infer,
                                          .bind = bind};

}  // namespace omni::ops
