// ClipFactor (ai.omni): the number that all gradients are multiplied by so that their global norm is at most max_norm:
// min(1, max_norm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_ has it. The norm is summed in f64 in the order of the inputs and, inside
// one, of blocks of a fixed size. Output 1, if wanted, is the norm. A norm that is no number makes the factor none either.
#include <cmath>

#include "graph/graph.h"
#include "kernels/optimizer/update.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"gradients", kVariadic}};
constexpr Formal kOutputs[] = {{"factor"}, {"norm", kOptional}};
constexpr AttributeDef kAttributes[] = {{"max_norm", AttributeKind::kFloat, true}};

void infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.input(i).dtype != DType::kF32) c.fail("gradient " + std::to_string(i) + " is not f32");
  }
  if (!(c.attributes.get_float("max_norm", 0) > 0)) c.fail("max_norm is not above 0");
  c.set(0, Type(DType::kF32, Shape{}));
  if (c.wants_output(1)) c.set(1, Type(DType::kF32, Shape{}));
}

Cost cost(const PlannedNode& n) {
  int64_t count = 0;
  for (const PlannedValue& v : n.inputs) count += v.shape.count();
  return {2 * count};
}

struct Params {
  kernels::SquareSumFn fn;
  double max_norm;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  double* parts = reinterpret_cast<double*>(args.scratch);
  double sum = 0;
  for (const ConstTensorView& g : args.inputs) {
    const int64_t n = g.count();
    kernels::run_square_sums(p.fn, g.as<float>(), n, parts, *args.pool);
    for (int64_t i = 0; i < kernels::square_parts(n); ++i) sum += parts[i];
  }
  const double norm = std::sqrt(sum), factor = p.max_norm / (norm + 1e-6);
  *args.outputs[0].as<float>() = static_cast<float>(factor > 1 ? 1 : factor);
  if (args.outputs.size() > 1 && args.outputs[1].data != nullptr) *args.outputs[1].as<float>() = static_cast<float>(norm);
}

Binding bind(const PlannedNode& n) {
  int64_t parts = 0;
  for (const PlannedValue& v : n.inputs) parts = std::max(parts, kernels::square_parts(v.shape.count()));
  return {run, std::make_shared<Params>(Params{kernels::select_update(n.isa).square_sum, n.attributes.get_float("max_norm", 0)}),
          static_cast<size_t>(parts) * sizeof(double)};
}

}  // namespace

constinit const OpDef kClipFactor = {.name = "ClipFactor",
                                     .domain = "ai.omni",
                                     .inputs = kInputs,
                                     .outputs = kOutputs,
                                     .attributes = kAttributes,
                                     .traits = kReduction,
                                     .infer = infer,
                                     .cost = cost,
                                     .bind = bind};

}  // namespace omni::ops
