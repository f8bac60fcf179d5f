// SgdUpdate (ai.omni): the next value of a parameter under stochastic gradient descent, torch.optim.SGD's arithmetic: weight decay joins the
// gradient before the momentum. `scale` multiplies the gradient first (ClipFactor gives one). Without a velocity there is no momentum.
#include "graph/graph.h"
#include "kernels/optimizer/update.h"
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"parameter"}, {"gradient"}, {"velocity", kOptional}, {"rate"}, {"scale", kOptional}};
constexpr Formal kOutputs[] = {{"new_parameter"}, {"new_velocity", kOptional}};
constexpr AttributeDef kAttributes[] = {
    {"momentum", AttributeKind::kFloat}, {"nesterov", AttributeKind::kInt}, {"weight_decay", AttributeKind::kFloat}};
enum : int { kParameter, kGradient, kVelocity, kRate, kScale };

void infer(InferContext& c) {
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i) && c.input(i).dtype != DType::kF32) c.fail("input " + std::to_string(i) + " is not f32", "train the f32 model and convert afterwards");
  }
  if (!c.has_input(kRate)) c.fail("the rate is missing");
  if (c.input(kGradient).rank() != c.input(kParameter).rank()) c.fail("parameter and gradient differ in rank");
  if (c.wants_output(1) && !c.has_input(kVelocity)) c.fail("a new velocity needs a velocity");
  c.set(0, c.input(kParameter));
  if (c.wants_output(1)) c.set(1, c.input(kParameter));
}

Cost cost(const PlannedNode& n) { return {n.output(0).shape.count() * (n.has_input(kVelocity) ? 8 : 5)}; }

struct Params {
  kernels::SgdFn fn;
  kernels::SgdStep step;
  int64_t count;
};

void run(const KernelArgs& args) noexcept {
  const Params& p = *static_cast<const Params*>(args.params);
  kernels::SgdStep step = p.step;
  step.rate = *args.inputs[kRate].as<float>();
  if (args.inputs.size() > kScale && args.inputs[kScale].data != nullptr) step.scale = *args.inputs[kScale].as<float>();
  float* new_velocity = args.outputs.size() > 1 ? args.outputs[1].as<float>() : nullptr;
  kernels::run_sgd(p.fn, args.inputs[kParameter].as<float>(), args.inputs[kGradient].as<float>(),
                   new_velocity == nullptr ? nullptr : args.inputs[kVelocity].as<float>(), args.outputs[0].as<float>(), new_velocity, p.count, step,
                   *args.pool);
}

Binding bind(const PlannedNode& n) {
  if (n.input(kGradient).shape != n.input(kParameter).shape) n.unsupported("parameter and gradient differ in shape");
  if (n.has_input(kVelocity) && n.input(kVelocity).shape != n.input(kParameter).shape) n.unsupported("parameter and velocity differ in shape");
  for (const int i : {kRate, kScale}) {
    if (n.has_input(i) && n.input(i).shape.count() != 1) n.unsupported("rate and scale are not single numbers");
  }
  if (n.has_input(kVelocity) != n.has_output(1)) n.unsupported("velocity and new velocity come together");
  Params p{kernels::select_update(n.isa).sgd, {}, n.output(0).shape.count()};
  p.step.momentum = n.attributes.get_float("momentum", 0);
  p.step.decay = n.attributes.get_float("weight_decay", 0);
  p.step.nesterov = n.attributes.get_int("nesterov", 0) != 0;
  return {run, std::make_shared<Params>(p), 0};
}

std::vector<ValueId> expand(Graph& g, const Node& n) {
  const float momentum = n.attributes.get_float("momentum", 0), decay = n.attributes.get_float("weight_decay", 0);
  const auto number = [&](float x) { return g.add_constant(n.name, Tensor::scalar(x)); };
  const ValueId w = n.inputs[kParameter];
  ValueId d = n.inputs[kGradient];
  if (n.inputs.size() > kScale && n.inputs[kScale] != kNone) d = g.add1(kMul, {d, n.inputs[kScale]});
  if (decay != 0) d = g.add1(kAdd, {d, g.add1(kMul, {w, number(decay)})});
  ValueId velocity = kNone, move = d;
  if (n.inputs[kVelocity] != kNone) {
    velocity = g.add1(kAdd, {g.add1(kMul, {n.inputs[kVelocity], number(momentum)}), d});
    move = n.attributes.get_int("nesterov", 0) != 0 ? g.add1(kAdd, {d, g.add1(kMul, {velocity, number(momentum)})}) : velocity;
  }
  std::vector<ValueId> results = {g.add1(kSub, {w, g.add1(kMul, {move, n.inputs[kRate]})})};
  if (n.outputs.size() > 1) results.push_back(velocity);
  return results;
}

}  // namespace

constinit const OpDef kSgdUpdate = {.name = "SgdUpdate",
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
