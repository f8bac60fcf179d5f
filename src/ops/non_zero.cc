// NonZero (ai.onnx): the positions of what is not 0, one column each: i64 [rank, n], known only after it ran.
#include "core/kernel_args.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"X"}};
constexpr Formal kOutputs[] = {{"Y"}};
constexpr OpVersion kVersions[] = {{13}, {9}};

void infer(InferContext& c) {
  const Type& x = c.input(0);
  const Dim rank = x.ranked ? Dim(x.rank()) : c.dims.fresh();
  c.set(0, Type(DType::kI64, std::vector<Dim>{rank, c.dims.fresh()}));
}

std::vector<Tensor> produce(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot&) {
  const Shape& shape = inputs[0].shape();
  const std::vector<double> values = to_double(inputs[0]);
  std::vector<int64_t> found;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] != 0) found.push_back(static_cast<int64_t>(i));
  }
  const int64_t n = static_cast<int64_t>(found.size());
  std::vector<Tensor> out;
  out.emplace_back(DType::kI64, Shape{shape.rank(), n});
  const std::span<int64_t> y = out[0].mutable_values<int64_t>();
  for (int64_t k = 0; k < n; ++k) {
    int64_t rest = found[static_cast<size_t>(k)];
    for (int d = shape.rank() - 1; d >= 0; --d) {
      y[static_cast<size_t>(d * n + k)] = rest % shape[d];
      rest /= shape[d];
    }
  }
  return out;
}

}  // namespace

constinit const OpDef kNonZero = {
    .name = "NonZero", .inputs = kInputs, .outputs = kOutputs, .versions = kVersions, .traits = kDataDependent, .infer = infer, .produce = produce};

}  // namespace omni::ops
