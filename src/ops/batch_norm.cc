// BatchNormalization (ai.onnx), as inference computes it; BatchNormTrain (ai.omni), with the statistics of the batch; their gradients.
//   ai.omni.BatchNormTrain(X, scale, B, mean, var) → Y, mean', var', batch mean, inverse deviation. ONNX's momentum and population variance:
//     mean' = momentum * mean + (1 - momentum) * batch mean. One value per channel has no deviation: refused.
//   ai.omni.BatchNormTrainGrad(dY, X, scale, batch mean, inverse deviation) → dX, dScale, dB.
#include <algorithm>
#include <cmath>

#include "graph/grad_def.h"
#include "kernels/norm/norm.h"
#include "ops/elementwise.h"
#include "ops/plain_scratch.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {
    {"X"}, {"scale", 0, ParamKind::kScale}, {"B", 0, ParamKind::kBias}, {"input_mean", 0, ParamKind::kBuffer}, {"input_var", 0, ParamKind::kBuffer}};
constexpr Formal kOutputs[] = {{"Y"}, {"running_mean", kOptional}, {"running_var", kOptional}};
constexpr Formal kTrainOutputs[] = {
    {"Y"}, {"running_mean", kOptional}, {"running_var", kOptional}, {"batch_mean", kOptional}, {"inverse_deviation", kOptional}};
constexpr Formal kGradInputs[] = {{"dY"}, {"X"}, {"scale"}, {"batch_mean"}, {"inverse_deviation"}};
constexpr Formal kGradOutputs[] = {{"dX"}, {"dScale"}, {"dB"}};
constexpr AttributeDef kAttributes[] = {
    {"epsilon", AttributeKind::kFloat}, {"momentum", AttributeKind::kFloat}, {"training_mode", AttributeKind::kInt}};
constexpr AttributeDef kTrainAttributes[] = {{"epsilon", AttributeKind::kFloat}, {"momentum", AttributeKind::kFloat}};

// Before opset 14 the operator told training from inference by its outputs.
void upgrade_9(Graph&, NodeDraft& draft) {
  if (draft.output_count > 1)
    throw Error(ErrorCode::kUnsupported, "BatchNormalization in training mode of an opset before 14", draft.name, "export the model for inference");
}

void upgrade_7(Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("spatial", 1) == 0) throw Error(ErrorCode::kUnsupported, "BatchNormalization with spatial=0", draft.name);
  draft.attributes.erase("spatial");
}

void upgrade_6(Graph&, NodeDraft& draft) { draft.attributes.erase("is_test"); }

void upgrade_1(Graph&, NodeDraft& draft) { draft.attributes.erase("consumed_inputs"); }

void lower_to_9(const Graph&, NodeDraft& draft) {
  if (draft.attributes.get_int("training_mode", 0) != 0)
    throw Error(ErrorCode::kUnsupported, "BatchNormalization in training mode needs opset 14", draft.name);
  draft.attributes.erase("training_mode");
}

constexpr OpVersion kVersions[] = {{15}, {14}, {9, upgrade_9, lower_to_9}, {7, upgrade_7}, {6, upgrade_6}, {1, upgrade_1}};

void check_channels(const InferContext& c, const Type& x, int first, int last) {
  if (!x.ranked) return;
  if (x.rank() < 2) c.fail("X must have a batch and a channel");
  for (int i = first; i < last; ++i) {
    const Type& t = c.input(i);
    if (!t.ranked) continue;
    const bool fits = t.rank() == 1 && (!t.dim(0).is_constant() || !x.dim(1).is_constant() || t.dim(0) == x.dim(1));
    if (!fits) c.fail("input " + std::to_string(i) + " does not have one value per channel");
  }
}

void infer(InferContext& c) {
  check_channels(c, c.input(0), 1, 5);
  c.set(0, c.input(0));
  for (int i = 1; i < c.output_count(); ++i) {
    if (c.wants_output(i)) c.set(i, c.input(3));
  }
}

void infer_grad(InferContext& c) {
  check_channels(c, c.input(1), 2, 5);
  c.set(0, c.input(1));
  c.set(1, c.input(2));
  c.set(2, c.input(2));
}

Cost cost_infer(const PlannedNode& n) { return {.operations = 2 * n.input(0).shape.count()}; }
Cost cost_train(const PlannedNode& n) { return {.operations = 6 * n.input(0).shape.count()}; }
Cost cost_grad(const PlannedNode& n) { return {.operations = 9 * n.input(0).shape.count()}; }

struct Params {
  Isa isa;
  kernels::NormShape shape;
  int64_t positions;  // of one plane, in plain order
  bool planes;        // plain order
  double epsilon, momentum;
  ThroughScratch x, y, dy;
  size_t coefficients, kernel_scratch;  // offsets into the scratch
};

std::shared_ptr<Params> make_params(const PlannedNode& n, const PlannedValue& x) {
  for (const PlannedValue& v : n.inputs) {
    if (v.present && v.dtype != DType::kF32) n.unsupported("a batch normalization of other types than f32");
  }
  auto p = std::make_shared<Params>();
  p->isa = n.isa;
  p->shape = {x.shape[0] * x.shape.count(2), x.shape[1]};
  p->positions = x.shape.count(2);
  p->planes = x.layout == Layout::kPlain && !layout_free(x.shape) && x.shape.rank() > 2;
  p->epsilon = n.attributes.get_float("epsilon", 1e-5f);
  p->momentum = n.attributes.get_float("momentum", 0.9f);
  return p;
}

// scale' = scale / sqrt(variance + epsilon), shift' = shift - mean * scale'.
void fold(const Params& p, const float* scale, const float* shift, const float* mean, const float* variance, float* out) {
  for (int64_t c = 0; c < p.shape.channels; ++c) {
    const double a = scale[c] / std::sqrt(static_cast<double>(variance[c]) + p.epsilon);
    out[c] = static_cast<float>(a);
    out[p.shape.channels + c] = static_cast<float>(shift[c] - mean[c] * a);
  }
}

void run_infer(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  float* const coefficients = reinterpret_cast<float*>(k.scratch);
  fold(p, k.inputs[1].as<float>(), k.inputs[2].as<float>(), k.inputs[3].as<float>(), k.inputs[4].as<float>(), coefficients);
  const kernels::ScaleShiftArgs a{p.shape, k.inputs[0].as<float>(), coefficients, coefficients + p.shape.channels, k.outputs[0].as<float>()};
  if (p.planes) return kernels::scale_shift_planes(p.isa, a, p.positions, *k.pool);
  kernels::scale_shift(p.isa, a, *k.pool);
}

// In f64, for gradients that are held to its precision: element by element, any layout.
struct DoubleParams {
  double epsilon;
  int64_t channels, inner;  // x as [rows, channels, inner] in the order of its bytes
};

void run_infer_f64(const KernelArgs& k) noexcept {
  const DoubleParams& p = *static_cast<const DoubleParams*>(k.params);
  const double *x = k.inputs[0].as<double>(), *scale = k.inputs[1].as<double>(), *shift = k.inputs[2].as<double>();
  const double *mean = k.inputs[3].as<double>(), *variance = k.inputs[4].as<double>();
  for (int64_t i = 0; i < k.outputs[0].count(); ++i) {
    const int64_t c = i / p.inner % p.channels;
    k.outputs[0].as<double>()[i] = (x[i] - mean[c]) / std::sqrt(variance[c] + p.epsilon) * scale[c] + shift[c];
  }
}

Binding bind_train(const PlannedNode& n);

Binding bind_infer(const PlannedNode& n) {
  const PlannedValue& x = n.input(0);
  const bool doubles = std::all_of(n.inputs.begin(), n.inputs.end(), [](const PlannedValue& v) { return v.dtype == DType::kF64; });
  if (doubles && n.attributes.get_int("training_mode", 0) == 0) {
    const int64_t inner = x.layout == Layout::kChannelsLast ? 1 : x.shape.count(2);
    return {run_infer_f64, std::make_shared<DoubleParams>(DoubleParams{static_cast<double>(n.attributes.get_float("epsilon", 1e-5f)), x.shape[1], inner}), 0};
  }
  if (n.attributes.get_int("training_mode", 0) != 0) return bind_train(n);
  const auto p = make_params(n, n.input(0));
  return {run_infer, p, static_cast<size_t>(2 * p->shape.channels) * sizeof(float)};
}

float* output(const KernelArgs& k, size_t i) { return i < k.outputs.size() ? k.outputs[i].as<float>() : nullptr; }

// Scratch: [channels] of scale, shift, mean, variance; then X and Y in channels-last order; then the kernel's.
void run_train(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const int64_t channels = p.shape.channels;
  const float* const x = p.x.in(k.inputs[0].data, k.scratch, *k.pool);
  float* const y = p.y.out(k.outputs[0].data, k.scratch);
  float* const coefficients = reinterpret_cast<float*>(k.scratch + p.coefficients);
  float* const mean = coefficients + 2 * channels;
  float* const variance = mean + channels;
  kernels::batch_moments(p.isa, p.shape, x, mean, variance, k.scratch + p.kernel_scratch, *k.pool);
  fold(p, k.inputs[1].as<float>(), k.inputs[2].as<float>(), mean, variance, coefficients);
  const float *running_mean = k.inputs[3].as<float>(), *running_var = k.inputs[4].as<float>();
  for (int64_t c = 0; c < channels; ++c) {
    if (float* out = output(k, 1)) out[c] = static_cast<float>(p.momentum * running_mean[c] + (1 - p.momentum) * mean[c]);
    if (float* out = output(k, 2)) out[c] = static_cast<float>(p.momentum * running_var[c] + (1 - p.momentum) * variance[c]);
    if (float* out = output(k, 3)) out[c] = mean[c];
    if (float* out = output(k, 4)) out[c] = static_cast<float>(1 / std::sqrt(static_cast<double>(variance[c]) + p.epsilon));
  }
  kernels::scale_shift(p.isa, {p.shape, x, coefficients, coefficients + channels, y}, *k.pool);
  p.y.finish(k.outputs[0].data, k.scratch, *k.pool);
}

Binding bind_train(const PlannedNode& n) {
  auto p = make_params(n, n.input(0));
  if (p->shape.rows == 1) n.unsupported("one value per channel has no deviation: training needs a larger batch");
  size_t scratch = 0;
  p->x = ThroughScratch(n.input(0), scratch);
  p->y = ThroughScratch(n.output(0), scratch);
  p->coefficients = scratch;
  scratch += (static_cast<size_t>(4 * p->shape.channels) * sizeof(float) + 63) / 64 * 64;
  p->kernel_scratch = scratch;
  return {run_train, p, scratch + kernels::norm_scratch_bytes(p->shape)};
}

void run_grad(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  kernels::BatchNormGradArgs a;
  a.shape = p.shape;
  a.dy = p.dy.in(k.inputs[0].data, k.scratch, *k.pool);
  a.x = p.x.in(k.inputs[1].data, k.scratch, *k.pool);
  a.scale = k.inputs[2].as<float>();
  a.mean = k.inputs[3].as<float>();
  a.inverse = k.inputs[4].as<float>();
  a.dx = p.y.out(k.outputs[0].data, k.scratch);
  a.dscale = k.outputs[1].as<float>();
  a.dshift = k.outputs[2].as<float>();
  a.scratch = k.scratch + p.kernel_scratch;
  kernels::batch_norm_grad(p.isa, a, *k.pool);
  p.y.finish(k.outputs[0].data, k.scratch, *k.pool);
}

Binding bind_grad(const PlannedNode& n) {
  auto p = make_params(n, n.input(1));
  size_t scratch = 0;
  p->dy = ThroughScratch(n.input(0), scratch);
  p->x = ThroughScratch(n.input(1), scratch);
  p->y = ThroughScratch(n.output(0), scratch);
  p->kernel_scratch = scratch;
  return {run_grad, p, scratch + kernels::norm_scratch_bytes(p->shape)};
}

// Through frozen statistics: dX is the same normalization of dY without the shifts.
std::vector<ValueId> gradient(GradContext& c) {
  Graph& g = c.graph;
  const ValueId scale = c.input(1), mean = c.input(3), variance = c.input(4);
  std::vector<ValueId> grads(5, kNone);
  if (c.node.attributes.get_int("training_mode", 0) != 0) return grads;  // trained as BatchNormTrain
  if (c.wants(0)) {
    const ValueId zero = g.add1(kSub, {mean, mean});
    grads[0] = g.add1(kBatchNormalization, {c.grad(), scale, zero, zero, variance}, {{"epsilon", c.node.attributes.get_float("epsilon", 1e-5f)}});
  }
  if (!c.wants(1) && !c.wants(2)) return grads;
  const ValueId epsilon = number(g, variance, c.node.attributes.get_float("epsilon", 1e-5f));
  const ValueId inverse = g.add1(kReciprocal, {g.add1(kSqrt, {g.add1(kAdd, {variance, epsilon})})});
  const std::vector<ValueId> d = g.add(kBatchNormTrainGrad, {c.grad(), c.input(0), scale, mean, inverse});
  if (c.wants(1)) grads[1] = d[1];
  if (c.wants(2)) grads[2] = d[2];
  return grads;
}

std::vector<ValueId> train_gradient(GradContext& c) {
  for (size_t i = 1; i < c.output_grads.size(); ++i) {
    if (c.output_grads[i] != kNone) throw Error(ErrorCode::kUnsupported, "no gradient passes the statistics of BatchNormTrain", c.node.name);
  }
  if (c.node.outputs.size() < 5 || c.output(3) == kNone || c.output(4) == kNone) {
    throw Error(ErrorCode::kInternal, "BatchNormTrain without its batch statistics cannot be differentiated", c.node.name);
  }
  std::vector<ValueId> grads = c.graph.add(kBatchNormTrainGrad, {c.grad(), c.input(0), c.input(1), c.output(3), c.output(4)});
  grads.resize(5, kNone);
  return grads;
}

}  // namespace

constinit const OpDef kBatchNormalization = {.name = "BatchNormalization",
                                             .inputs = kInputs,
                                             .outputs = kOutputs,
                                             .attributes = kAttributes,
                                             .versions = kVersions,
                                             .traits = kInPlace | kF16Safe,
                                             .layout = LayoutRule::kAny,
                                             .infer = infer,
                                             .cost = cost_infer,
                                             .bind = bind_infer};

constinit const OpDef kBatchNormTrain = {.name = "BatchNormTrain",
                                         .domain = "ai.omni",
                                         .inputs = kInputs,
                                         .outputs = kTrainOutputs,
                                         .attributes = kTrainAttributes,
                                         .layout = LayoutRule::kAny,
                                         .infer = infer,
                                         .cost = cost_train,
                                         .bind = bind_train};

constinit const OpDef kBatchNormTrainGrad = {.name = "BatchNormTrainGrad",
                                             .domain = "ai.omni",
                                             .inputs = kGradInputs,
                                             .outputs = kGradOutputs,
                                             .layout = LayoutRule::kAny,
                                             .infer = infer_grad,
                                             .cost = cost_grad,
                                             .bind = bind_grad};

extern const GradDef kBatchNormalizationGradient, kBatchNormTrainGradient;
constinit const GradDef kBatchNormalizationGradient = {&kBatchNormalization, gradient};
constinit const GradDef kBatchNormTrainGradient = {&kBatchNormTrain, train_gradient};

}  // namespace omni::ops
