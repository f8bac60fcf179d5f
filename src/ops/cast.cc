// Cast and CastLike (ai.onnx): another element type, by the rules of kernels/cast.
#include "kernels/cast/cast.h"

#include <cstring>

#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "ops/elementwise.h"
#include "ops/onnx_dtype.h"
#include "ops/strings/text.h"

namespace omni::ops {

namespace {

constexpr Formal kCastInputs[] = {{"input"}};
constexpr Formal kCastLikeInputs[] = {{"input"}, {"target_type"}};
constexpr Formal kOutputs[] = {{"output"}};
constexpr AttributeDef kCastAttributes[] = {{"to", AttributeKind::kInt, true}, {"saturate", AttributeKind::kInt}};
constexpr AttributeDef kCastLikeAttributes[] = {{"saturate", AttributeKind::kInt}};

// Opset 1 wrote the type's name.
void upgrade_name(Graph&, NodeDraft& draft) {
  constexpr std::pair<std::string_view, int64_t> kNames[] = {{"FLOAT", 1},   {"UINT8", 2},   {"INT8", 3},   {"UINT16", 4}, {"INT16", 5},
                                                             {"INT32", 6},   {"INT64", 7},   {"STRING", 8}, {"BOOL", 9},   {"FLOAT16", 10},
                                                             {"DOUBLE", 11}, {"UINT32", 12}, {"UINT64", 13}};
  const std::string name(draft.attributes.get_string("to", ""));
  for (const auto& [text, value] : kNames) {
    if (text == name) draft.attributes.set("to", value);
  }
}
void lower_saturate(const Graph&, NodeDraft& draft) { draft.attributes.erase("saturate"); }

constexpr OpVersion kCastVersions[] = {{21}, {19}, {13, nullptr, lower_saturate}, {9}, {6}, {1, upgrade_name}};
constexpr OpVersion kCastLikeVersions[] = {{21}, {19}, {15, nullptr, lower_saturate}};

bool counts(DType t) { return is_integer(t) || t == DType::kBool; }

void set_type(InferContext& c, DType to) {
  Type type = c.input(0);
  const DType from = type.dtype;
  type.dtype = to;
  std::optional<Contents> contents;
  if (const Contents* known = c.contents(0); known != nullptr && counts(from) && (to == DType::kI64 || to == DType::kI32)) contents = *known;
  c.set(0, std::move(type), std::move(contents));
}

void infer_cast(InferContext& c) {
  const std::optional<DType> to = from_onnx(c.attributes.get_int("to", 0));
  if (!to) {
    const std::string number = std::to_string(c.attributes.get_int("to", 0));
    throw Error(ErrorCode::kUnsupported, "a cast to ONNX's element type " + number + ", which this library does not hold", "Cast");
  }
  set_type(c, *to);
}

void infer_cast_like(InferContext& c) { set_type(c, c.input(1).dtype); }

void run(const KernelArgs& args) noexcept {
  kernels::run_cast(*static_cast<const kernels::CastKernel*>(args.params), args.inputs[0].data, args.outputs[0].data, args.outputs[0].count(),
                    *args.pool);
}

void copy(const KernelArgs& args) noexcept {
  if (const size_t bytes = args.outputs[0].bytes(); bytes != 0) std::memcpy(args.outputs[0].data, args.inputs[0].data, bytes);
}

Binding bind(const PlannedNode& n) {
  const DType from = n.input(0).dtype, to = n.output(0).dtype;
  if (from == DType::kString && dtype_bits(to) >= 8) return {numbers_of_text, nullptr, 0};
  if (!kernels::cast_supports(from, to)) n.unsupported("no conversion between these types");
  if (from == to) return {copy, nullptr, 0};
  return {run, std::make_shared<kernels::CastKernel>(kernels::CastKernel{from, to, n.isa}), 0};
}

// To strings.
std::vector<Tensor> produce(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot&) {
  return {inputs[0].dtype() == DType::kString ? inputs[0] : text_of_numbers(inputs[0])};
}

std::vector<ValueId> gradient(GradContext& c) {
  std::vector<ValueId> grads(c.node.inputs.size(), kNone);
  if (is_float(c.graph.type(c.input(0)).dtype)) grads[0] = cast_to(c.graph, c.grad(), c.graph.type(c.input(0)).dtype);
  return grads;
}

}  // namespace

constinit const OpDef kCast = {.name = "Cast",
                               .inputs = kCastInputs,
                               .outputs = kOutputs,
                               .attributes = kCastAttributes,
                               .versions = kCastVersions,
                               .traits = kElementwise,
                               .layout = LayoutRule::kAny,
                               .infer = infer_cast,
                               .bind = bind,
                               .produce = produce};
// Only the element type of the second input matters: it is read in whatever layout.
constinit const OpDef kCastLike = {.name = "CastLike",
                                   .inputs = kCastLikeInputs,
                                   .outputs = kOutputs,
                                   .attributes = kCastLikeAttributes,
                                   .versions = kCastLikeVersions,
                                   .infer = infer_cast_like,
                                   .bind = bind,
                                   .produce = produce};

extern const GradDef kCastGradient, kCastLikeGradient;
constinit const GradDef kCastGradient = {.op = &kCast, .rule = gradient};
constinit const GradDef kCastLikeGradient = {.op = &kCastLike, .rule = gradient};

}  // namespace omni::ops
