// DynamicQuantizeLinear (ai.onnx): u8 with the scale and zero point of the data's own range, which always holds 0.
#include "core/kernel_args.h"
#include "kernels/quantize/quantize.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}};
constexpr Formal kOutputs[] = {{"y"}, {"y_scale"}, {"y_zero_point"}};
constexpr OpVersion kVersions[] = {{11}};

void infer(InferContext& c) {
  Type type = c.input(0);
  if (type.dtype != DType::kF32) c.fail("x must be f32");
  type.dtype = DType::kU8;
  c.set(0, std::move(type));
  c.set(1, Type(DType::kF32, Shape{}));
  c.set(2, Type(DType::kU8, Shape{}));
}

constexpr int64_t kTask = 16 << 10;  // elements

// The range of each piece goes into scratch; the largest of all is the same in any order.
void run(const KernelArgs& args) noexcept {
  const kernels::QuantizeKernels& kernels = **static_cast<const kernels::QuantizeKernels* const*>(args.params);
  const float* x = args.inputs[0].as<float>();
  const int64_t n = args.inputs[0].count(), tasks = (n + kTask - 1) / kTask;
  float* ranges = reinterpret_cast<float*>(args.scratch);
  args.pool->parallel_for(tasks, [&](int64_t t) {
    ranges[2 * t] = ranges[2 * t + 1] = 0;
    kernels.range(x + t * kTask, std::min(kTask, n - t * kTask), ranges + 2 * t, ranges + 2 * t + 1);
  });
  float low = 0, high = 0;
  for (int64_t t = 0; t < tasks; ++t) {
    low = std::min(low, ranges[2 * t]);
    high = std::max(high, ranges[2 * t + 1]);
  }
  const kernels::DynamicScale scale = kernels::dynamic_scale(low, high);
  *args.outputs[1].as<float>() = scale.scale;
  *args.outputs[2].as<uint8_t>() = scale.zero;
  args.pool->parallel_for(tasks, [&](int64_t t) {
    kernels.quantize(x + t * kTask, std::min(kTask, n - t * kTask), scale.scale, kernels::ByteRange::of(false, scale.zero),
                     args.outputs[0].as<uint8_t>() + t * kTask);
  });
}

Binding bind(const PlannedNode& n) {
  const int64_t tasks = (n.input(0).shape.count() + kTask - 1) / kTask;
  return {run, std::make_shared<const kernels::QuantizeKernels*>(&kernels::select_quantize(n.isa)), static_cast<size_t>(tasks) * 2 * sizeof(float)};
}

}  // namespace

constinit const OpDef kDynamicQuantizeLinear = {.name = "DynamicQuantizeLinear",
                                                .inputs = kInputs,
                                                .outputs = kOutputs,
                                                .versions = kVersions,
                                                .layout = LayoutRule::kAny,
                                                .infer = infer,
                                                .bind = bind};

}  // namespace omni::ops
