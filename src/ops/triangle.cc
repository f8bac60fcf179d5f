// Trilu (ai.onnx): the upper or lower triangle of matrices, zeros elsewhere. EyeLike: ones on a diagonal of a matrix of the input's shape.
#include <algorithm>
#include <array>
#include <cstring>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/cast/cast.h"
#include "kernels/move/copy.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kTriluInputs[] = {{"input"}, {"k", kOptional}};
constexpr Formal kEyeInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kUpper[] = {{"upper", AttributeKind::kInt}};
constexpr AttributeDef kEyeAttributes[] = {{"dtype", AttributeKind::kInt}, {"k", AttributeKind::kInt}};
constexpr OpVersion k14[] = {{14}};
constexpr OpVersion k9[] = {{9}};

void infer_trilu(InferContext& c) {
  if (c.input(0).ranked && c.input(0).rank() < 2) c.fail("a matrix is expected");
  if (c.has_input(1) && c.input(1).dtype != DType::kI64) c.fail("k is not i64");
  if (c.has_input(1) && c.input(1).is_static() && c.input(1).shape()->count() != 1) c.fail("k is not one number");
  c.set(0, c.input(0));
}

struct TriluParams {
  bool upper;
};

void run_trilu(const KernelArgs& args) noexcept {
  if (args.outputs[0].count() == 0) return;
  const bool upper = static_cast<const TriluParams*>(args.params)->upper;
  const Shape& shape = args.inputs[0].shape;
  const int64_t rows = shape[-2], columns = shape[-1];
  const size_t size = dtype_size(args.inputs[0].dtype);
  const int64_t stated = args.inputs.size() > 1 && args.inputs[1].data != nullptr ? *args.inputs[1].as<int64_t>() : 0;
  const int64_t k = std::clamp(stated, -rows - 1, columns + 1);
  args.pool->parallel_for(shape.count(0, shape.rank() - 1), [&](int64_t row) {
    const int64_t split = std::clamp<int64_t>(row % rows + k + (upper ? 0 : 1), 0, columns);  // the upper part starts here
    const char* x = static_cast<const char*>(args.inputs[0].data) + static_cast<size_t>(row * columns) * size;
    char* y = static_cast<char*>(args.outputs[0].data) + static_cast<size_t>(row * columns) * size;
    const size_t left = static_cast<size_t>(split) * size, right = static_cast<size_t>(columns - split) * size;
    if (upper)
      std::memset(y, 0, left);
    else
      std::memmove(y, x, left);
    if (upper)
      std::memmove(y + left, x + left, right);
    else
      std::memset(y + left, 0, right);
  });
}

Binding bind_trilu(const PlannedNode& n) {
  if (dtype_bits(n.input(0).dtype) < 8) n.unsupported("no kernel for this element type");
  return {run_trilu, std::make_shared<TriluParams>(TriluParams{n.attributes.get_int("upper", 1) != 0}), 0};
}

void infer_eye(InferContext& c) {
  Type type = c.input(0);
  if (!type.ranked || type.rank() != 2) c.fail("a matrix is expected");
  if (c.attributes.has("dtype")) {
    const auto dtype = from_onnx(c.attributes.get_int("dtype", 1));
    if (!dtype) c.fail("an element type this library does not hold");
    type.dtype = *dtype;
  }
  c.set(0, std::move(type));
}

struct EyeParams {
  int64_t k;
  std::array<std::byte, 8> one{};
};

void run_eye(const KernelArgs& args) noexcept {
  const EyeParams& p = *static_cast<const EyeParams*>(args.params);
  const TensorView& y = args.outputs[0];
  const size_t size = dtype_size(y.dtype);
  const uint64_t zero = 0;
  kernels::fill(y.data, y.count(), &zero, size, *args.pool);
  for (int64_t r = std::max<int64_t>(0, -p.k); r < y.shape[0] && r + p.k < y.shape[1]; ++r) {
    std::memcpy(static_cast<char*>(y.data) + static_cast<size_t>(r * y.shape[1] + r + p.k) * size, p.one.data(), size);
  }
}

Binding bind_eye(const PlannedNode& n) {
  const PlannedValue& y = n.output(0);
  if (dtype_bits(y.dtype) < 8) n.unsupported("no kernel for this element type");
  auto params = std::make_shared<EyeParams>();
  params->k = std::clamp(n.attributes.get_int("k", 0), -y.shape[0] - 1, y.shape[1] + 1);
  const float one = 1;
  ThreadPool pool(1);
  kernels::run_cast({DType::kF32, y.dtype, Isa::kScalar}, &one, params->one.data(), 1, pool);
  return {run_eye, params, 0};
}

// What was kept keeps its gradient.
std::vector<ValueId> trilu_gradient(GradContext& c) {
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  grads[0] = c.graph.add1(kTrilu, {c.grad(), c.input(1)}, c.node.attributes);
  return grads;
}

}  // namespace

constinit const OpDef kTrilu = {.name = "Trilu",
                                .inputs = kTriluInputs,
                                .outputs = kOutputs,
                                .attributes = kUpper,
                                .versions = k14,
                                .traits = kF16Safe,
                                .infer = infer_trilu,
                                .bind = bind_trilu};
constinit const OpDef kEyeLike = {
    .name = "EyeLike", .inputs = kEyeInputs, .outputs = kOutputs, .attributes = kEyeAttributes, .versions = k9, .infer = infer_eye, .bind = bind_eye};

extern const GradDef kTriluGradient;
constinit const GradDef kTriluGradient = {.op = &kTrilu, .rule = trilu_gradient};

}  // namespace omni::ops
