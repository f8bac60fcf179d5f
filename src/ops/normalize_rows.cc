// ai.omni.NormalizeRows(x, scale, shift): layer normalization, or with rms = 1 its root-mean-square form, over the dimensions from `axis` on; scale and
// shift (optional) have one value for each of them. What passes/fuse/layer_norm makes of LayerNormalization, RMSNormalization and their patterns; f32.
#include "core/kernel_args.h"
#include "kernels/norm/layer_norm.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}, {"scale", kOptional}, {"shift", kOptional}};
constexpr Formal kOutputs[] = {{"y"}};
constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}, {"epsilon", AttributeKind::kFloat}, {"rms", AttributeKind::kInt}};

void infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.input(i).dtype != DType::kF32) c.fail("input " + std::to_string(i) + " is not f32");
  }
  if (c.input(0).ranked) c.axis(c.attributes.get_int("axis", -1), c.input(0).rank());
  c.set(0, c.input(0));
}

struct Params {
  kernels::LayerNormRow row;
  kernels::LayerNormArgs args;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::LayerNormArgs args = p.args;
  args.x = k.inputs[0].as<float>();
  if (k.inputs.size() > 1) args.scale = k.inputs[1].as<float>();
  if (k.inputs.size() > 2) args.shift = k.inputs[2].as<float>();
  args.y = k.outputs[0].as<float>();
  kernels::run_layer_norm(p.row, args, *k.pool);
}

Binding bind(const PlannedNode& n) {
  const Shape& x = n.input(0).shape;
  const int64_t stated = n.attributes.get_int("axis", -1);
  const int axis = static_cast<int>(stated < 0 ? stated + x.rank() : stated);
  Params p{kernels::select_layer_norm(n.isa), {}};
  p.args.rows = x.count(0, axis);
  p.args.n = x.count(axis);
  p.args.centred = n.attributes.get_int("rms", 0) == 0;
  p.args.epsilon = n.attributes.get_float("epsilon", 1e-5f);
  for (const int i : {1, 2}) {
    if (n.has_input(i) && n.input(i).shape.count() != p.args.n) n.unsupported("scale or shift of another size than the normalized dimensions");
  }
  return {run, std::make_shared<Params>(p), 0};
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * 8}; }

}  // namespace

constinit const OpDef kNormalizeRows = {.name = "NormalizeRows",
                                        .domain = "ai.omni",
                                        .inputs = kInputs,
                                        .outputs = kOutputs,
                                        .attributes = kAttributes,
                                        .traits = kInPlace,
                                        .infer = infer,
                                        .cost = cost,
                                        .bind = bind};

}  // namespace omni::ops
