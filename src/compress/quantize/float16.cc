#include "compress/quantize/float16.h"

#include <cmath>

#include "compress/quantize/targets.h"
#include "core/half.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

constexpr int64_t kSmallest = 16;  // below, the Cast costs more bytes in the file than it saves

std::optional<Tensor> to_half(const Tensor& data, DType dtype) {
  Tensor out(dtype, data.shape());
  const std::span<const float> from = data.values<float>();
  const std::span<uint16_t> to = out.mutable_values<uint16_t>();
  for (size_t i = 0; i < from.size(); ++i) {
    to[i] = dtype == DType::kF16 ? f32_to_f16(from[i]) : f32_to_bf16(from[i]);
    const float back = dtype == DType::kF16 ? f16_to_f32(to[i]) : bf16_to_f32(to[i]);
    if (std::isfinite(from[i]) && !std::isfinite(back)) return std::nullopt;
  }
  return out;
}

}  // namespace

void convert_to_half(Graph& graph, DType dtype, PassContext& context) {
  for (const ValueId id : graph.constants()) {
    const Value& v = graph.value(id);
    if (v.type.dtype != DType::kF32 || v.type.rank() < 1 || v.data.count() < kSmallest || graph.is_output(id)) continue;
    std::optional<Tensor> half = to_half(v.data, dtype);
    if (!half) {
      context.notes.push_back(v.name + ": stays f32, it holds values beyond the range of " + std::string(dtype_name(dtype)));
      continue;
    }
    const std::string name = v.name;
    const ValueId stored = graph.add_constant(name + ".stored", std::move(*half), v.role);
    const ValueId cast = graph.add1(ops::kCast, {stored}, {{"to", ops::to_onnx(DType::kF32)}}, {.output_names = {name + ".f32"}});
    replace_weight(graph, id, stored, cast);
  }
}

}  // namespace omni::compress
