// ai.omni.QuantizePixels: QuantizeLinear of a plain picture [N, C, d1…] whose result is written channels-last, for the first convolution of a
// network: one pass instead of two.
#include "core/kernel_args.h"
#include "kernels/quantize/quantize.h"
#include "ops/q_attributes.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {OMNI_Q_RESULT};

void infer(InferContext& c) {
  Type type = c.input(0);
  if (type.dtype != DType::kF32) c.fail("x must be f32");
  type.dtype = q_result_type(c, false);
  c.set(0, std::move(type));
}

struct Params {
  const kernels::QuantizeKernels* kernels;
  int64_t images, channels, positions;
  float scale;
  kernels::ByteRange range;
  QOrder y;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const float* x = args.inputs[0].as<float>();
  uint8_t* y = static_cast<uint8_t*>(p.y.out(args.outputs[0].data, args.scratch));
  constexpr int64_t kTask = 4096;  // pixels
  const int64_t pieces = (p.positions + kTask - 1) / kTask;
  args.pool->parallel_for(p.images * pieces, [&](int64_t task) {
    const int64_t image = task / pieces, begin = task % pieces * kTask, first = image * p.channels * p.positions;
    p.kernels->quantize_planes(x + first + begin, p.positions, p.channels, std::min(kTask, p.positions - begin), p.scale, p.range,
                               y + first + begin * p.channels);
  });
  p.y.finish(args.outputs[0].data, args.scratch, *args.pool);
}

Binding bind(const PlannedNode& n) {
  const Shape& x = n.input(0).shape;
  if (x.rank() < 3 || x[1] < 1 || x[1] > 4) n.unsupported("pictures of more than four channels");
  size_t scratch = 0;
  const QOrder y(n.output(0), n.isa, scratch);
  return {run,
          std::make_shared<Params>(
              Params{&kernels::select_quantize(n.isa), x[0], x[1], x.count(2), tensor_scale(n, "y").scale, q_range(n, "y"), y}),
          scratch};
}

}  // namespace

constinit const OpDef kQuantizePixels = {.name = "QuantizePixels",
                                         .domain = "ai.omni",
                                         .inputs = kInputs,
                                         .outputs = kOutputs,
                                         .attributes = kAttributes,
                                         .layout = LayoutRule::kChannelsLast,
                                         .channels_last_outputs = 1,
                                         .infer = infer,
                                         .bind = bind};

}  // namespace omni::ops
