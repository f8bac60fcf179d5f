// Gradients of RNN, GRU and LSTM: ai.omni.RNNGradient, …, with the attributes of the forward operator.
//   (X, W, R, B, sequence_lens, initial_h, initial_c, P, dY, dY_h, dY_c) → dX, dW, dR, dB, (none), dinitial_h, dinitial_c, dP
#include "ops/recurrent/recurrent.h"

namespace omni::ops {

namespace {

using kernels::CellKind;

constexpr Formal kInputs[] = {{"X"},
                              {"W"},
                              {"R"},
                              {"B", kOptional},
                              {"sequence_lens", kOptional},
                              {"initial_h", kOptional},
                              {"initial_c", kOptional},
                              {"P", kOptional},
                              {"dY", kOptional},
                              {"dY_h", kOptional},
                              {"dY_c", kOptional}};
constexpr Formal kOutputs[] = {{"dX", kOptional},   {"dW", kOptional},         {"dR", kOptional},         {"dB", kOptional},
                               {"none", kOptional}, {"dinitial_h", kOptional}, {"dinitial_c", kOptional}, {"dP", kOptional}};
constexpr AttributeDef kAttributes[] = {{"activation_alpha", AttributeKind::kFloats}, {"activation_beta", AttributeKind::kFloats},
                                        {"activations", AttributeKind::kStrings},     {"clip", AttributeKind::kFloat},
                                        {"direction", AttributeKind::kString},        {"hidden_size", AttributeKind::kInt},
                                        {"input_forget", AttributeKind::kInt},        {"layout", AttributeKind::kInt},
                                        {"linear_before_reset", AttributeKind::kInt}};
constexpr int kGradients = kRecurrentInputs;  // dY is the input behind those of the forward operator

void infer(InferContext& c) {
  for (int i = 0; i < c.output_count(); ++i) {
    if (!c.wants_output(i)) continue;
    if (i == kLengths || !c.has_input(i)) c.fail("a gradient of an input that is not there");
    c.set(i, c.input(i));
  }
}

struct Params {
  kernels::RecurrentShape shape;
};

void run(const KernelArgs& k) noexcept {
  const Params& p = *static_cast<const Params*>(k.params);
  const auto grad = [&](size_t i) { return k.inputs.size() > kGradients + i ? k.inputs[kGradients + i].as<float>() : nullptr; };
  const auto output = [&](size_t i) { return i < k.outputs.size() ? k.outputs[i].as<float>() : nullptr; };
  kernels::RecurrentGrads g;
  g.dy = grad(0);
  g.dy_h = grad(1);
  g.dy_c = grad(2);
  g.dx = output(kX);
  g.dw = output(kW);
  g.dr = output(kR);
  g.db = output(kB);
  g.dh0 = output(kInitialH);
  g.dc0 = output(kInitialC);
  g.dp = output(kPeepholes);
  kernels::recurrent_grad(p.shape, recurrent_args(k), g, *k.pool, *k.status);
}

Binding bind(const PlannedNode& n, CellKind kind) {
  auto p = std::make_shared<Params>();
  p->shape = recurrent_shape(n, kind);
  const kernels::RecurrentShape& s = p->shape;
  const Shape y = s.batch_first ? Shape{s.batch, s.steps, s.directions, s.hidden} : Shape{s.steps, s.directions, s.batch, s.hidden};
  const Shape state = s.batch_first ? Shape{s.batch, s.directions, s.hidden} : Shape{s.directions, s.batch, s.hidden};
  for (int i = 0; i < 3; ++i) {
    if (!n.has_input(kGradients + i)) continue;
    const PlannedValue& v = n.input(kGradients + i);
    if (v.dtype != DType::kF32 || !(v.shape == (i == 0 ? y : state))) n.unsupported("a gradient of another shape than its output");
  }
  return {run, p, kernels::recurrent_grad_scratch_bytes(s)};
}

Binding bind_rnn(const PlannedNode& n) { return bind(n, CellKind::kRnn); }
Binding bind_gru(const PlannedNode& n) { return bind(n, CellKind::kGru); }
Binding bind_lstm(const PlannedNode& n) { return bind(n, CellKind::kLstm); }

// The forward products again, and twice as many on the way back.
Cost triple(Cost c) { return {3 * c.operations, 0}; }
Cost cost_rnn(const PlannedNode& n) { return triple(recurrent_cost(n, CellKind::kRnn)); }
Cost cost_gru(const PlannedNode& n) { return triple(recurrent_cost(n, CellKind::kGru)); }
Cost cost_lstm(const PlannedNode& n) { return triple(recurrent_cost(n, CellKind::kLstm)); }

constexpr OpDef gradient_op(std::string_view name, Cost (*cost)(const PlannedNode&), Binding (*bind)(const PlannedNode&)) {
  return {.name = name,
          .domain = "ai.omni",
          .inputs = kInputs,
          .outputs = kOutputs,
          .attributes = kAttributes,
          .infer = infer,
          .cost = cost,
          .bind = bind};
}

}  // namespace

constinit const OpDef kRNNGradientOp = gradient_op("RNNGradient", cost_rnn, bind_rnn);
constinit const OpDef kGRUGradientOp = gradient_op("GRUGradient", cost_gru, bind_gru);
constinit const OpDef kLSTMGradientOp = gradient_op("LSTMGradient", cost_lstm, bind_lstm);

}  // namespace omni::ops
