// QuantizeLinear (ai.onnx): y = saturate(round(x / scale) + zero point), ties to even; per tensor, per axis or per block.
#include "core/kernel_args.h"
#include "kernels/quantize/quantize.h"
#include "ops/onnx_dtype.h"
#include "ops/scale_map.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"y_scale", 0, ParamKind::kBuffer}, {"y_zero_point", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt},
                                        {"block_size", AttributeKind::kInt},
                                        {"output_dtype", AttributeKind::kInt},
                                        {"precision", AttributeKind::kInt},
                                        {"saturate", AttributeKind::kInt}};

// Before opset 21: no blocks, no output_dtype, 8 bits only.
void lower_below_21(const Graph& graph, NodeDraft& draft) {
  if (draft.attributes.get_int("block_size", 0) != 0)
    throw Error(ErrorCode::kUnsupported, "blocked scales need opset 21", draft.name, "export with opset 21");
  if (draft.inputs.size() < 3 && draft.attributes.get_int("output_dtype", 2) != to_onnx(DType::kU8)) {
    throw Error(ErrorCode::kUnsupported, "output_dtype needs opset 21", draft.name, "export with opset 21, or give a zero point");
  }
  if (draft.inputs.size() > 2 && draft.inputs[2] != kNone && dtype_bits(graph.type(draft.inputs[2]).dtype) != 8) {
    throw Error(ErrorCode::kUnsupported, "this element type needs opset 21", draft.name, "export with opset 21");
  }
  for (const char* name : {"block_size", "output_dtype", "precision"}) draft.attributes.erase(name);
}
void lower_below_23(const Graph&, NodeDraft& draft) { draft.attributes.erase("precision"); }
void lower_below_19(const Graph&, NodeDraft& draft) { draft.attributes.erase("saturate"); }
void lower_below_13(const Graph& graph, NodeDraft& draft) {
  const Type& scale = graph.type(draft.inputs[1]);
  if (scale.ranked && scale.rank() != 0)
    throw Error(ErrorCode::kUnsupported, "scales per axis need opset 13", draft.name, "export with opset 13 or newer");
  draft.attributes.erase("axis");
}

constexpr OpVersion kVersions[] = {
    {25}, {24}, {23}, {21, nullptr, lower_below_23}, {19, nullptr, lower_below_21}, {13, nullptr, lower_below_19}, {10, nullptr, lower_below_13}};

DType output_type(const InferContext& c) {
  if (c.has_input(2)) return c.input(2).dtype;
  const auto stated = from_onnx(c.attributes.get_int("output_dtype", 0));
  return stated.value_or(DType::kU8);
}

void infer(InferContext& c) {
  check_scales(c);
  const DType y = output_type(c);
  if (!is_integer(y) || dtype_bits(y) > 16) c.fail("the output would be " + std::string(dtype_name(y)), "u8, i8, u16, i16, u4 and i4 are supported");
  Type type = c.input(0);
  type.dtype = y;
  c.set(0, std::move(type));
}

struct Params {
  ScaleMap map;
  IntegerBounds bounds;
  const kernels::QuantizeKernels* kernels;
};

constexpr int64_t kTask = 16 << 10;  // elements

// f32 to bytes where runs of one scale are long.
void run_rows(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const ScaleMap& m = p.map;
  const float* x = args.inputs[0].as<float>();
  uint8_t* y = static_cast<uint8_t*>(args.outputs[0].data);
  const bool has_zero = args.inputs.size() > 2 && args.inputs[2].data != nullptr;
  const int64_t pieces = (m.inner + kTask - 1) / kTask;
  args.pool->parallel_for(m.outer * m.axis * pieces, [&](int64_t task) {
    const int64_t row = task / pieces, begin = task % pieces * kTask, n = std::min(kTask, m.inner - begin), s = m.single ? 0 : row % m.axis;
    const kernels::ByteRange range{has_zero ? integer_at(args.inputs[2], s) : 0, p.bounds.low, p.bounds.high, p.bounds.low < 0};
    p.kernels->quantize(x + row * m.inner + begin, n, float_at(args.inputs[1], s), range, y + row * m.inner + begin);
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
      const kernels::ByteRange range{has_zero ? integer_at(args.inputs[2], s) : 0, p.bounds.low, p.bounds.high, p.bounds.low < 0};
      const int32_t v = kernels::round_to_range(float_at(args.inputs[0], i) / float_at(args.inputs[1], s), range);
      switch (dtype_bits(y.dtype)) {
        case 4: {
          uint8_t& byte = y.as<uint8_t>()[i / 2];
          const uint8_t nibble = static_cast<uint8_t>(v & 15);
          byte = i % 2 == 0 ? nibble : static_cast<uint8_t>(byte | (nibble << 4));
          break;
        }
        case 8: y.as<uint8_t>()[i] = static_cast<uint8_t>(v); break;
        default: y.as<uint16_t>()[i] = static_cast<uint16_t>(v); break;
      }
    }
  });
}

Binding bind(const PlannedNode& n) {
  const DType x = n.input(0).dtype, y = n.output(0).dtype;
  if (x != DType::kF32 && x != DType::kF16 && x != DType::kBF16 && x != DType::kI32) n.unsupported("quantizing this element type");
  auto p = std::make_shared<Params>(Params{scale_map(n), bounds_of(y), &kernels::select_quantize(n.isa)});
  const bool rows = x == DType::kF32 && dtype_bits(y) == 8 && p->map.block == 0 && (p->map.single || p->map.inner >= 16);
  return {rows ? run_rows : run_any, p, 0};
}

}  // namespace

constinit const OpDef kQuantizeLinear = {.name = "QuantizeLinear",
                                         .inputs = kInputs,
                                         .outputs = kOutputs,
                                         .attributes = kAttributes,
                                         .versions = kVersions,
                                         .layout = LayoutRule::kAny,
                                         .infer = infer,
                                         .bind = bind};

}  // namespace omni::ops
