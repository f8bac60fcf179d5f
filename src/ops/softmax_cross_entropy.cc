// SoftmaxCrossEntropyLoss (ai.onnx 13) and its gradient, ai.omni.SoftmaxCrossEntropyGradient.
// scores [N, C, d1…], labels [N, d1…], weights [C]; losses [N, d1…] or one number; log_prob has the shape of scores.
#include "core/kernel_args.h"
#include "graph/grad_def.h"
#include "kernels/softmax/softmax.h"
#include "ops/elementwise.h"

namespace omni::ops {

namespace {

using kernels::CrossEntropyArgs;
using kernels::LossReduction;

constexpr Formal kInputs[] = {{"scores"}, {"labels"}, {"weights", kOptional}};
constexpr Formal kOutputs[] = {{"output"}, {"log_prob", kOptional}};
constexpr Formal kGradientInputs[] = {{"loss_gradient"}, {"log_prob"}, {"labels"}, {"weights", kOptional}};
constexpr Formal kGradientOutputs[] = {{"scores_gradient"}};
constexpr AttributeDef kAttributes[] = {{"ignore_index", AttributeKind::kInt}, {"reduction", AttributeKind::kString}};
constexpr OpVersion kVersions[] = {{13}, {12}};

void check_labels(const InferContext& c, const Type& scores, int labels) {
  const Type& l = c.input(labels);
  if (l.dtype != DType::kI64 && l.dtype != DType::kI32) c.fail("the labels are not i32 or i64");
  if (!scores.ranked || !l.ranked) return;
  if (scores.rank() < 2) c.fail("scores are [N, C, …]");
  if (l.rank() + 1 != scores.rank()) c.fail("labels have the dimensions of scores without the classes");
  for (int d = 0; d < l.rank(); ++d) {
    const Dim is = l.dim(d), wanted = scores.dim(d == 0 ? 0 : d + 1);
    if (is != wanted && is.is_constant() && wanted.is_constant()) c.fail("labels and scores differ in dimension " + std::to_string(d));
  }
}

// One weight a class, of the scores' type.
void check_weights(const InferContext& c, const Type& scores, int weights) {
  if (!c.has_input(weights)) return;
  const Type& w = c.input(weights);
  if (w.dtype != scores.dtype) c.fail("the weights have another element type than the scores");
  if (!w.ranked || !scores.ranked) return;
  if (w.rank() != 1 || (w.dim(0).is_constant() && scores.dim(1).is_constant() && w.dim(0) != scores.dim(1))) c.fail("there is not one weight a class");
}

void infer(InferContext& c) {
  const Type& scores = c.input(0);
  const std::string_view reduction = c.attributes.get_string("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") c.fail("reduction " + quoted(reduction) + " does not exist");
  check_labels(c, scores, 1);
  check_weights(c, scores, 2);
  Type loss(scores.dtype, Shape{});
  if (reduction == "none") loss = Type(c.input(1)), loss.dtype = scores.dtype;
  c.set(0, std::move(loss));
  if (c.wants_output(1)) c.set(1, scores);
}

CrossEntropyArgs args_of(const PlannedNode& n, const Shape& scores, DType label_type) {
  const std::string_view reduction = n.attributes.get_string("reduction", "mean");
  CrossEntropyArgs args{
      scores[0], scores[1], scores.count(2), LossReduction::kMean, n.attributes.has("ignore_index"), n.attributes.get_int("ignore_index", 0),
      label_type};
  if (reduction == "sum") args.reduction = LossReduction::kSum;
  if (reduction == "none") args.reduction = LossReduction::kNone;
  return args;
}

struct Params {
  kernels::SoftmaxKernel kernel;
  CrossEntropyArgs args;
};

template <class T>
const T* optional_numbers(const KernelArgs& args, size_t i) {
  return i < args.inputs.size() ? args.inputs[i].as<T>() : nullptr;
}

template <class T>
void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const bool wanted = args.outputs.size() > 1 && args.outputs[1].data != nullptr;
  T* log_probabilities = wanted ? args.outputs[1].as<T>() : reinterpret_cast<T*>(args.scratch);
  kernels::run_softmax(p.kernel, {p.args.batch, p.args.classes, p.args.inner, true}, args.inputs[0].data, log_probabilities, *args.pool);
  kernels::run_cross_entropy(p.args, log_probabilities, args.inputs[1].data, optional_numbers<T>(args, 2), args.outputs[0].as<T>(), *args.status);
}

Binding bind(const PlannedNode& n) {
  const PlannedValue& scores = n.input(0);
  if (scores.dtype != DType::kF32 && scores.dtype != DType::kF64) n.unsupported("no kernel for this element type");
  const auto params = std::make_shared<Params>(Params{kernels::select_softmax(scores.dtype, n.isa), args_of(n, scores.shape, n.input(1).dtype)});
  return {scores.dtype == DType::kF32 ? run<float> : run<double>, params, n.has_output(1) ? 0 : scores.bytes()};
}

Cost cost(const PlannedNode& n) { return {n.input(0).shape.count() * 20}; }

void infer_gradient(InferContext& c) {
  check_labels(c, c.input(1), 2);
  check_weights(c, c.input(1), 3);
  if (c.input(0).dtype != c.input(1).dtype) c.fail("the gradient has another element type than the scores");
  c.set(0, c.input(1));
}

void run_gradient(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_cross_entropy_gradient(p.kernel, p.args, args.inputs[0].as<float>(), args.inputs[1].as<float>(), args.inputs[2].data,
                                      optional_numbers<float>(args, 3), args.outputs[0].as<float>(), reinterpret_cast<float*>(args.scratch), *args.pool,
                                      *args.status);
}

void run_gradient_f64(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::run_cross_entropy_gradient(p.args, args.inputs[0].as<double>(), args.inputs[1].as<double>(), args.inputs[2].data, optional_numbers<double>(args, 3),
                                      args.outputs[0].as<double>(), reinterpret_cast<double*>(args.scratch), *args.status);
}

Binding bind_gradient(const PlannedNode& n) {
  const PlannedValue& scores = n.input(1);
  if (scores.dtype != DType::kF32 && scores.dtype != DType::kF64) n.unsupported("no kernel for this element type");
  const bool none = n.attributes.get_string("reduction", "mean") == "none";
  if (n.input(0).shape != (none ? n.input(2).shape : Shape{})) n.unsupported("the gradient has not the loss's shape");
  const auto params = std::make_shared<Params>(Params{kernels::select_softmax(scores.dtype, n.isa), args_of(n, scores.shape, n.input(2).dtype)});
  const size_t scratch = static_cast<size_t>(n.input(2).shape.count()) * dtype_size(scores.dtype);
  return {scores.dtype == DType::kF32 ? run_gradient : run_gradient_f64, params, scratch};
}

}  // namespace

constinit const OpDef kSoftmaxCrossEntropyLoss = {.name = "SoftmaxCrossEntropyLoss",
                                                  .inputs = kInputs,
                                                  .outputs = kOutputs,
                                                  .attributes = kAttributes,
                                                  .versions = kVersions,
                                                  .infer = infer,
                                                  .cost = cost,
                                                  .bind = bind};

constinit const OpDef kSoftmaxCrossEntropyGradientOp = {.name = "SoftmaxCrossEntropyGradient",
                                                        .domain = "ai.omni",
                                                        .inputs = kGradientInputs,
                                                        .outputs = kGradientOutputs,
                                                        .attributes = kAttributes,
                                                        .infer = infer_gradient,
                                                        .cost = cost,
                                                        .bind = bind_gradient};

namespace {

// Without the second output the log probabilities are computed once more.
std::vector<ValueId> gradient(GradContext& c) {
  const bool has_output = c.node.outputs.size() > 1 && c.node.outputs[1] != kNone;
  const ValueId log_prob = has_output ? c.output(1) : c.graph.add1(kLogSoftmax, {c.input(0)}, {{"axis", int64_t{1}}});
  ValueId dx = kNone;
  if (c.grad(0) != kNone) {
    dx = c.graph.add1(kSoftmaxCrossEntropyGradientOp, {c.grad(0), log_prob, c.input(1), c.input(2)}, c.node.attributes);
  }
  if (has_output && c.grad(1) != kNone) {
    const ValueId axes = c.graph.add_constant("axes", Tensor::of<int64_t>(Shape{1}, {1}));
    const ValueId total = c.graph.add1(kReduceSum, {c.grad(1), axes}, {{"keepdims", int64_t{1}}});
    const ValueId from_log = c.graph.add1(kSub, {c.grad(1), c.graph.add1(kMul, {c.graph.add1(kExp, {log_prob}), total})});
    dx = dx == kNone ? from_log : c.graph.add1(kAdd, {dx, from_log});
  }
  return {dx, kNone, kNone};
}

}  // namespace

extern const GradDef kSoftmaxCrossEntropyLossGradient;
constinit const GradDef kSoftmaxCrossEntropyLossGradient = {.op = &kSoftmaxCrossEntropyLoss, .rule = gradient};

}  // namespace omni::ops
