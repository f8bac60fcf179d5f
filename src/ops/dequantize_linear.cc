// DequantizeLinear (ai.onnx): y = (x - zero point) * scale; per tensor, per axis or per block.
#include "core/kernel_args.h"
#include "kernels/quantize/quantize.h"
#include "ops/onnx_dtype.h"
#include "ops/scale_map.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"x_scale", 0, ParamKind::kBuffer}, {"x_zero_point", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"block_size", AttributeKind::kInt}, {"output_dtype", AttributeKind::kInt}};

void lower_below_23(const Graph& graph, NodeDraft& draft) {
  const int64_t stated = draft.attributes.get_int("output_dtype", 0);
  if (stated != 0 && stated != to_onnx(graph.type(draft.inputs[1]).dtype)) {
    throw Error(ErrorCode::kUnsupported, "an output type other than the scale's needs opset 23", draft.name, "export with opset 23");
  }
  draft.attributes.erase("output_dtype");
}
void lower_below_21(const Graph& graph, NodeDraft& draft) {
  const DType x = graph.type(draft.inputs[0]).dtype;
  if (draft.attributes.get_int("block_size", 0) != 0)
    throw Error(ErrorCode::kUnsupported, "blocked scales need opset 21", draft.name, "export with opset 21");
  if (dtype_bits(x) != 8 && x != DType::kI32)
    throw Error(ErrorCode::kUnsupported, "this element type needs opset 21", draft.name, "export with opset 21");
  draft.attributes.erase("block_size");
}
void lower_below_13(const Graph& graph, NodeDraft& draft) {
  const Type& scale = graph.type(draft.inputs[1]);
  if (scale.ranked && scale.rank() != 0)
    throw Error(ErrorCode::kUnsupported, "scales per axis need opset 13", draft.name, "export with opset 13 or newer");
  draft.attributes.erase("axis");
}

constexpr OpVersion kVersions[] = {
    {25}, {24}, {23}, {21, nullptr, lower_below_23}, {19, nullptr, lower_below_21}, {13}, {10, nullptr, lower_below_13}};

void infer(InferContext& c) {
  check_scales(c);
  Type type = c.input(0);
  if (!is_integer(type.dtype) || dtype_bits(type.dtype) > 32 || type.dtype == DType::kU32) {
    c.fail("x is " + std::string(dtype_name(type.dtype)), "u8, i8, u16, i16, i32, u4 and i4 are supported");
  }
  if (!is_float(c.input(1).dtype)) c.fail("the scale is not a float");
  type.dtype = from_onnx(c.attributes.get_int("output_dtype", 0)).value_or(c.input(1).dtype);
  c.set(0, std::move(type));
}

struct Params {
  ScaleMap map;
  const kernels::QuantizeKernels* kernels;
};

constexpr int64_t kTask = 16 << 10;  // elements

void run_rows(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const ScaleMap& m = p.map;
  const uint8_t* x = args.inputs[0].as<uint8_t>();
  float* y = args.outputs[0].as<float>();
  const bool is_signed = args.inputs[0].dtype == DType::kI8, has_zero = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
  const int64_t pieces = (m.inner + kTask - 1) / kTask;
  args.pool->parallel_for(m.outer * m.axis * pieces, [&](int64_t task) {
    const int64_t row = task / pieces, begin = task % pieces * kTask, n = std::min(kTask, m.inner - begin), s = m.single ? 0 : row % m.axis;
    p.kernels->dequantize(x + row * m.inner + begin, n, is_signed, has_zero ? integer_at(args.inputs[2], s) : 0, float_at(args.inputs[1], s),
                          y + row * m.inner + begin);
  });
}

void run_any(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const TensorView& y = args.outputs[0];
  const bool has_zero = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
  const int64_t count = p.map.count();
  args.pool->parallel_for((count + kTask - 1) / kTask, [&](int64_t task) {
    for (int64_t i = task * kTask; i < std::min(count, (task + 1) * kTask); ++i) {
      const int64_t s = p.map.index(i);
      const int64_t zero = has_zero ? integer_at(args.inputs[2], s) : 0;
      const float v = static_cast<float>(integer_at(args.inputs[0], i) - zero) * float_at(args.inputs[1], s);
      switch (y.dtype) {
        case DType::kF16: y.as<uint16_t>()[i] = f32_to_f16(v); break;
        case DType::kBF16: y.as<uint16_t>()[i] = f32_to_bf16(v); break;
        default: y.as<float>()[i] = v; break;
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const DType x = n.input(0).dtype, y = n.output(0).dtype;
  if (y != DType::kF32 && y != DType::kF16 && y != DType::kBF16) n.unsupported("dequantizing to this element type");
  auto p = std::make_shared<Params>(Params{scale_map(n), &kernels::select_quantize(n.isa)});
  const bool rows = y == DType::kF32 && dtype_bits(x) == 8 && p->map.block == 0 && (p->map.single || p->map.inner >= 16);
  return {rows ? run_rows : run_any, p, 0};
}

}  // namespace

constinit const OpDef kDequantizeLinear = {.name = "DequantizeLinear",
                                           .inputs = kInputs,
                                           .outputs = kOutputs,
                                           .attributes = kAttributes,
                                           .versions = kVersions,
                                           .layout = LayoutRule::kAny,
                                           .infer = infer,
                                           .bind = bind};

}  // namespace omni::ops
