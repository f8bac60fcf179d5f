// BitCast (ai.onnx 26): the same bits under another element type of the same width.
#include <cstring>

#include "core/kernel_args.h"
#include "ops/onnx_dtype.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kAttributes[] = {{"to", AttributeKind::kInt, true}};
constexpr OpVersion kVersions[] = {{26}};

void infer(InferContext& c) {
  const std::optional<DType> to = from_onnx(c.attributes.get_int("to", 0));
  if (!to || *to == DType::kString || c.input(0).dtype == DType::kString)
    c.fail("a reinterpretation as ONNX's element type " + std::to_string(c.attributes.get_int("to", 0)));
  if (dtype_bits(*to) != dtype_bits(c.input(0).dtype)) c.fail("the element types have different widths");
  Type type = c.input(0);
  type.dtype = *to;
  c.set(0, std::move(type));
}

void run(const KernelArgs& args) noexcept {
  if (const size_t bytes = args.outputs[0].bytes(); bytes != 0) std::memcpy(args.outputs[0].data, args.inputs[0].data, bytes);
}

Binding bind(const PlannedNode&) { return {run, nullptr, 0}; }
Cost cost(const PlannedNode&) { return {0}; }

}  // namespace

constinit const OpDef kBitCast = {.name = "BitCast",
                                  .inputs = kInputs,
                                  .outputs = kOutputs,
                                  .attributes = kAttributes,
                                  .versions = kVersions,
                                  .infer = infer,
                                  .cost = cost,
                                  .bind = bind};

}  // namespace omni::ops
