// ConvInteger (ai.onnx): int32 convolution of u8 or s8 about their zero points.
#include "core/kernel_args.h"
#include "kernels/conv_int8/conv_int8.h"
#include "ops/conv_binding.h"
#include "ops/integer_conv.h"
#include "ops/q_attributes.h"
#include "ops/scale_map.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"w"}, {"x_zero_point", kOptional}, {"w_zero_point", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"auto_pad", AttributeKind::kString}, {"dilations", AttributeKind::kInts},
                                        {"group", AttributeKind::kInt},       {"kernel_shape", AttributeKind::kInts},
                                        {"pads", AttributeKind::kInts},       {"strides", AttributeKind::kInts}};
constexpr OpVersion kVersions[] = {{10}};

void infer(InferContext& c) {
  require_bytes(c, 0);
  require_bytes(c, 1);
  c.set(0, infer_conv_int8(c, DType::kI32));
}

struct Params {
  kernels::ConvInt8Shape shape;
  bool x_signed, w_signed;
  std::unique_ptr<const kernels::ConvInt8> conv;  // with constant weights
  QOrder x, y;
  size_t start_at = 0;
};

// Weights that are not constant: a direct sum, slow and right. y is [N, OH, OW, OC], x [N, H, W, C].
void direct(const KernelArgs& k, const Params& p, const uint8_t* x, int32_t zx, int32_t* y) {
  const kernels::ConvInt8Shape& s = p.shape;
  const int64_t in = s.channels / s.groups, out = s.out_channels / s.groups;
  const bool has_zw = k.inputs.size() > 3 && k.inputs[3].data != nullptr, by_channel = has_zw && k.inputs[3].count() > 1;
  k.pool->parallel_for(s.batch * s.out_height, [&](int64_t row) {
    const int64_t image = row / s.out_height, oy = row % s.out_height;
    for (int64_t i = 0; i < s.out_width * s.out_channels; ++i) {
      const int64_t ox = i / s.out_channels, o = i % s.out_channels;
      const int32_t zw = has_zw ? integer_at(k.inputs[3], by_channel ? o : 0) : 0;
      uint32_t acc = 0;
      for (int64_t t = 0; t < in * s.kernel_height * s.kernel_width; ++t) {
        const int64_t c = t / (s.kernel_height * s.kernel_width), ky = t / s.kernel_width % s.kernel_height, kx = t % s.kernel_width;
        const int64_t yy = oy * s.stride_y - s.pad_top + ky * s.dilation_y, xx = ox * s.stride_x - s.pad_left + kx * s.dilation_x;
        if (yy < 0 || yy >= s.height || xx < 0 || xx >= s.width) continue;
        const uint8_t b = x[((image * s.height + yy) * s.width + xx) * s.channels + o / out * in + c];
        const int32_t w = integer_at(k.inputs[1], o * in * s.kernel_height * s.kernel_width + t);
        acc += static_cast<uint32_t>(((p.x_signed ? static_cast<int8_t>(b) : b) - zx) * (w - zw));
      }
      y[(row * s.out_width + ox) * s.out_channels + o] = static_cast<int32_t>(acc);
    }
  });
}

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const uint8_t* x = static_cast<const uint8_t*>(p.x.in(k.inputs[0].data, k.scratch, *k.pool));
  void* const y = p.y.out(k.outputs[0].data, k.scratch);
  const int32_t zx = k.inputs.size() > 2 && k.inputs[2].data != nullptr ? integer_at(k.inputs[2], 0) : 0;
  if (p.conv != nullptr)
    p.conv->run_with_zero(x, zx, y, reinterpret_cast<int32_t*>(k.scratch + p.start_at), *k.pool);
  else
    direct(k, p, x, zx, static_cast<int32_t*>(y));
  p.y.finish(k.outputs[0].data, k.scratch, *k.pool);
}

Binding bind(const PlannedNode& n) {
  auto p = std::make_shared<Params>();
  size_t scratch = 0;
  p->shape = conv_int8_shape(n);
  p->x_signed = n.input(0).dtype == DType::kI8;
  p->w_signed = n.input(1).dtype == DType::kI8;
  if (n.has_input(2) && n.input(2).shape.count() != 1) n.unsupported("several zero points of x");
  p->x = QOrder(n.input(0), n.isa, scratch);
  p->y = QOrder(n.output(0), n.isa, scratch);
  if (n.input(1).constant != nullptr && (!n.has_input(3) || n.input(3).constant != nullptr)) {
    const std::vector<int32_t> zeros = q_weight_zeros(n, n.input(1).shape[0], 3);
    kernels::Int8Quantization q;
    q.output = kernels::Int8Output::kInt32;
    q.x_signed = p->x_signed;
    p->conv = std::make_unique<const kernels::ConvInt8>(
        n.isa, p->shape, kernels::ConvInt8Weights{n.input(1).constant->data(), p->w_signed, zeros.empty() ? nullptr : zeros.data(), zeros.size() > 1},
        q);
    p->start_at = scratch;
    scratch += p->conv->start_bytes();
  }
  return {run, p, scratch};
}

}  // namespace

constinit const OpDef kConvInteger = {.name = "ConvInteger",
                                      .inputs = kInputs,
                                      .outputs = kOutputs,
                                      .attributes = kAttributes,
                                      .versions = kVersions,
                                      .layout = LayoutRule::kChannelsLast,
                                      .channels_last_inputs = 1,
                                      .channels_last_outputs = 1,
                                      .infer = infer,
                                      .cost = cost_conv,
                                      .bind = bind};

}  // namespace omni::ops
