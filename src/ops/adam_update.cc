// AdamUpdate (ai.omni): the next value of a parameter and of its two moments by Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter,
// 2019) with decoupled = 1, in torch.optim's arithmetic. `step` counts from 0; the bias corrections belong to step + 1 and are made in f64.
#include <cmath>

#include "graph/graph.h"
#include "kernels/optimizer/update.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"parameter"}, {"gradient"}, {"first_moment"}, {"second_moment"}, {"rate"}, {"step"}, {"scale", kOptional}};
constexpr Formal kOutputs[] = {{"new_parameter"}, {"new_first_moment"}, {"new_second_moment"}};
constexpr AttributeDef kAttributes[] = {{"beta1", AttributeKind::kFloat},
                                        {"beta2", AttributeKind::kFloat},
                                        {"epsilon", AttributeKind::kFloat},
                                        {"weight_decay", AttributeKind::kFloat},
                                        {"decoupled", AttributeKind::kInt}};
enum : int { kParameter, kGradient, kFirst, kSecond, kRate, kStep, kScale };

// The decimal number a float attribute was written as: 0.999f stands for 0.999, whose complement differs in the fourth digit otherwise.
double decimal(float x) { return std::round(static_cast<double>(x) * 1e7) / 1e7; }

// By squaring: libm's pow differs between versions, products of doubles do not.
double power(double base, int64_t exponent) {
  double result = 1;
  for (; exponent > 0; exponent >>= 1, base *= base) {
    if ((exponent & 1) != 0) result *= base;
  }
  return result;
}

struct Hyper {
  double beta1, beta2, epsilon, decay;
  bool decoupled;
};

Hyper hyper(const Attributes& a) {
  return {decimal(a.get_float("beta1", 0.9f)), decimal(a.get_float("beta2", 0.999f)), a.get_float("epsilon", 1e-8f), a.get_float("weight_decay", 0),
          a.get_int("decoupled", 0) != 0};
}

void infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.input(i).dtype != (i == kStep ? DType::kI64 : DType::kF32)) {
      c.fail("input " + std::to_string(i) + " has the wrong type: step is i64, all others f32", "train the f32 model and convert afterwards");
    }
  }
  if (c.input(kGradient).rank() != c.input(kParameter).rank()) c.fail("parameter and gradient differ in rank");
  for (int i = 0; i < 3; ++i) c.set(i, c.input(kParameter));
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * 14}; }

struct Params {
  kernels::AdamFn fn;
  Hyper hyper;
  int64_t count;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  const double rate = *args.inputs[kRate].as<float>();
  const int64_t t = *args.inputs[kStep].as<int64_t>() + 1;
  if (t < 1) return args.status->fail(0, "the step of an optimizer is negative", t - 1);
  kernels::AdamStep step;
  step.rate = static_cast<float>(rate / (1 - power(p.hyper.beta1, t)));
  step.root = static_cast<float>(1 / std::sqrt(1 - power(p.hyper.beta2, t)));
  if (args.inputs.size() > kScale && args.inputs[kScale].data != nullptr) step.scale = *args.inputs[kScale].as<float>();
  if (p.hyper.decoupled) step.keep = static_cast<float>(1 - rate * p.hyper.decay);
  else step.decay = static_cast<float>(p.hyper.decay);
  step.one_minus_beta1 = static_cast<float>(1 - p.hyper.beta1);
  step.beta2 = static_cast<float>(p.hyper.beta2);
  step.one_minus_beta2 = static_cast<float>(1 - p.hyper.beta2);
  step.epsilon = static_cast<float>(p.hyper.epsilon);
  kernels::run_adam(p.fn, args.inputs[kParameter].as<float>(), args.inputs[kGradient].as<float>(), args.inputs[kFirst].as<float>(),
                    args.inputs[kSecond].as<float>(), args.outputs[0].as<float>(), args.outputs[1].as<float>(), args.outputs[2].as<float>(), p.count,
                    step, *args.pool);
}

Binding bind(const PlannedNode& n) {
  for (const int i : {kGradient, kFirst, kSecond}) {
    if (n.input(i).shape != n.input(kParameter).shape) n.unsupported("parameter, gradient and moments differ in shape");
  }
  for (const int i : {kRate, kStep, kScale}) {
    if (n.has_input(i) && n.input(i).shape.count() != 1) n.unsupported("rate, step and scale are not single numbers");
  }
  return {run, std::make_shared<Params>(Params{kernels::select_update(n.isa).adam, hyper(n.attributes), n.output(0).shape.count()}), 0};
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const Hyper h = hyper(n.attributes);
  constexpr int64_t kFloat = 1, kDouble = 11;  // ONNX's numbers of f32 and f64
  const auto single = [&](double x) { return g.add_constant(n.name, Tensor::scalar(static_cast<float>(x))); };
  const auto twice = [&](double x) { return g.add_constant(n.name, Tensor::scalar(x)); };
  const auto cast = [&](ValueId x, int64_t to) { return g.add1(kCast, {x}, {{"to", to}}); };
  const ValueId t = cast(g.add1(kAdd, {n.inputs[kStep], g.add_constant(n.name, Tensor::scalar(int64_t{1}))}), kDouble);
  const auto correction = [&](double beta) { return g.add1(kSub, {twice(1), g.add1(kPow, {twice(beta), t})}); };
  const ValueId lr = cast(n.inputs[kRate], kDouble), w = n.inputs[kParameter];
  const ValueId rate = cast(g.add1(kDiv, {lr, correction(h.beta1)}), kFloat);
  const ValueId root = cast(g.add1(kDiv, {twice(1), g.add1(kSqrt, {correction(h.beta2)})}), kFloat);
  ValueId d = n.inputs[kGradient], kept = w;
  if (n.inputs.size() > kScale && n.inputs[kScale] != kNone) d = g.add1(kMul, {d, n.inputs[kScale]});
  if (h.decay != 0 && h.decoupled) kept = g.add1(kMul, {w, cast(g.add1(kSub, {twice(1), g.add1(kMul, {lr, twice(h.decay)})}), kFloat)});
  if (h.decay != 0 && !h.decoupled) d = g.add1(kAdd, {d, g.add1(kMul, {w, single(h.decay)})});
  const ValueId m = n.inputs[kFirst], v = n.inputs[kSecond];
  const ValueId first = g.add1(kAdd, {m, g.add1(kMul, {single(1 - h.beta1), g.add1(kSub, {d, m})})});
  const ValueId second = g.add1(kAdd, {g.add1(kMul, {single(h.beta2), v}), g.add1(kMul, {single(1 - h.beta2), g.add1(kMul, {d, d})})});
  const ValueId below = g.add1(kAdd, {g.add1(kMul, {root, g.add1(kSqrt, {second})}), single(h.epsilon)});
  return {g.add1(kSub, {kept, g.add1(kDiv, {g.add1(kMul, {rate, first}), below})}), first, second};
}

}  // namespace

constinit const OpDef kAdamUpdate = {.name = "AdamUpdate",
                                     .domain = "ai.omni",
                                     .inputs = kInputs,
                                     .outputs = kOutputs,
                                     .attributes = kAttributes,
                                     .traits = kElementwise | kInPlace,
                                     .infer = infer,
                                     .cost = cost,
                                     .bind = bind,
                                     .expand = expand};

}  // namespace omni::ops
