// RNN, GRU and LSTM against their formulas in double, step by step; gradients against central differences.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kRNNGradient, kGRUGradient, kLSTMGradient;

namespace {

struct Options {
  int64_t steps = 4, batch = 3, inputs = 5, hidden = 7;
  int directions = 1;
  bool reverse = false, batch_first = false, bias = true, states = true, peepholes = false, input_forget = false, linear_before_reset = false;
  std::vector<int32_t> lengths = {};
  std::vector<std::string> activations = {};
  std::vector<float> alpha = {}, beta = {};
  double clip = 0;
  std::function<double(double)> f = nullptr, g = nullptr, h = nullptr;  // what `activations` say; default: the operator's
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

using Matrix = std::vector<double>;

// The formulas of one direction; writes Y, Y_h, Y_c.
class Reference {
 public:
  Reference(const OpDef& op, const Options& o, const Inputs& in) : op_(op), o_(o) {
    for (const auto& t : in) values_.push_back(t ? to_double(*t) : Matrix());
    values_.resize(8);
    gates_ = &op == &kRNN ? 1 : &op == &kGRU ? 3 : 4;
    f_ = o.f ? o.f : &op == &kRNN ? [](double x) { return std::tanh(x); } : sigmoid;
    g_ = o.g ? o.g : [](double x) { return std::tanh(x); };
    h_ = o.h ? o.h : [](double x) { return std::tanh(x); };
  }

  Outputs run() {
    const size_t states = static_cast<size_t>(o_.directions * o_.batch * o_.hidden);
    Outputs out(&op_ == &kLSTM ? 3 : 2);
    out[0].resize(static_cast<size_t>(o_.steps) * states);
    for (size_t i = 1; i < out.size(); ++i) out[i].resize(states);
    for (int d = 0; d < o_.directions; ++d) {
      for (int64_t b = 0; b < o_.batch; ++b) entry(d, b, out);
    }
    return out;
  }

 private:
  double x(int64_t t, int64_t b, int64_t i) const {
    return values_[0][static_cast<size_t>((o_.batch_first ? b * o_.steps + t : t * o_.batch + b) * o_.inputs + i)];
  }
  size_t state(int d, int64_t b, int64_t k) const {
    return static_cast<size_t>((o_.batch_first ? b * o_.directions + d : d * o_.batch + b) * o_.hidden + k);
  }
  size_t y(int d, int64_t t, int64_t b, int64_t k) const {
    const int64_t row = o_.batch_first ? (b * o_.steps + t) * o_.directions + d : (t * o_.directions + d) * o_.batch + b;
    return static_cast<size_t>(row * o_.hidden + k);
  }
  // Gate j of unit k: what X gives, and what the state gives.
  double from_x(int d, int64_t t, int64_t b, int64_t j, int64_t k) const {
    const int64_t row = d * gates_ * o_.hidden + j * o_.hidden + k;
    double sum = o_.bias ? values_[3][static_cast<size_t>(d * 2 * gates_ * o_.hidden + j * o_.hidden + k)] : 0;
    for (int64_t i = 0; i < o_.inputs; ++i) sum += x(t, b, i) * values_[1][static_cast<size_t>(row * o_.inputs + i)];
    return sum;
  }
  double from_h(int d, const Matrix& h, int64_t j, int64_t k) const {
    const int64_t row = d * gates_ * o_.hidden + j * o_.hidden + k;
    double sum = o_.bias ? values_[3][static_cast<size_t>((d * 2 + 1) * gates_ * o_.hidden + j * o_.hidden + k)] : 0;
    for (int64_t i = 0; i < o_.hidden; ++i) sum += h[static_cast<size_t>(i)] * values_[2][static_cast<size_t>(row * o_.hidden + i)];
    return sum;
  }
  double peephole(int d, int j, int64_t k) const { return o_.peepholes ? values_[7][static_cast<size_t>(d * 3 * o_.hidden + j * o_.hidden + k)] : 0; }
  double clipped(double v) const { return o_.clip > 0 ? std::min(o_.clip, std::max(-o_.clip, v)) : v; }

  void entry(int d, int64_t b, Outputs& out) {
    const auto n = static_cast<size_t>(o_.hidden);
    Matrix h(n), c(n);
    for (size_t k = 0; o_.states && k < n; ++k) {
      h[k] = values_[5][state(d, b, static_cast<int64_t>(k))];
      if (!values_[6].empty()) c[k] = values_[6][state(d, b, static_cast<int64_t>(k))];
    }
    const int64_t length = o_.lengths.empty() ? o_.steps : o_.lengths[static_cast<size_t>(b)];
    for (int64_t s = 0; s < length; ++s) {
      const int64_t t = o_.reverse || d == 1 ? length - 1 - s : s;
      if (&op_ == &kRNN) rnn(d, t, b, h);
      if (&op_ == &kGRU) gru(d, t, b, h);
      if (&op_ == &kLSTM) lstm(d, t, b, h, c);
      for (size_t k = 0; k < n; ++k) out[0][y(d, t, b, static_cast<int64_t>(k))] = h[k];
    }
    for (size_t k = 0; k < n; ++k) {
      out[1][state(d, b, static_cast<int64_t>(k))] = h[k];
      if (out.size() > 2) out[2][state(d, b, static_cast<int64_t>(k))] = c[k];
    }
  }
  void rnn(int d, int64_t t, int64_t b, Matrix& h) {
    const Matrix before = h;
    for (int64_t k = 0; k < o_.hidden; ++k) h[static_cast<size_t>(k)] = f_(clipped(from_x(d, t, b, 0, k) + from_h(d, before, 0, k)));
  }
  void gru(int d, int64_t t, int64_t b, Matrix& h) {
    const Matrix before = h;
    Matrix z = h, r = h, reset = h;
    for (int64_t k = 0; k < o_.hidden; ++k) {
      const auto i = static_cast<size_t>(k);
      z[i] = f_(clipped(from_x(d, t, b, 0, k) + from_h(d, before, 0, k)));
      r[i] = f_(clipped(from_x(d, t, b, 1, k) + from_h(d, before, 1, k)));
      reset[i] = r[i] * before[i];
    }
    for (int64_t k = 0; k < o_.hidden; ++k) {
      const auto i = static_cast<size_t>(k);
      const double inner = o_.linear_before_reset ? r[i] * from_h(d, before, 2, k) : from_h(d, reset, 2, k);
      h[i] = (1 - z[i]) * g_(clipped(from_x(d, t, b, 2, k) + inner)) + z[i] * before[i];
    }
  }
  void lstm(int d, int64_t t, int64_t b, Matrix& h, Matrix& c) {
    const Matrix before = h;
    for (int64_t k = 0; k < o_.hidden; ++k) {
      const auto at = static_cast<size_t>(k);
      const auto sum = [&](int64_t j) { return from_x(d, t, b, j, k) + from_h(d, before, j, k); };
      const double i = f_(clipped(sum(0) + peephole(d, 0, k) * c[at]));
      const double f = o_.input_forget ? 1 - i : f_(clipped(sum(2) + peephole(d, 2, k) * c[at]));
      c[at] = f * c[at] + i * g_(clipped(sum(3)));
      h[at] = f_(clipped(sum(1) + peephole(d, 1, k) * c[at])) * h_(c[at]);
    }
  }

  const OpDef& op_;
  const Options& o_;
  std::vector<Matrix> values_;
  int64_t gates_;
  std::function<double(double)> f_, g_, h_;
};

OpCase case_of(const char* name, const OpDef& op, const Options& o) {
  const int64_t gates = &op == &kRNN ? 1 : &op == &kGRU ? 3 : 4, d = o.directions, width = gates * o.hidden;
  const Shape state = o.batch_first ? Shape{o.batch, d, o.hidden} : Shape{d, o.batch, o.hidden};
  OpCase c{.name = name, .op = &op};
  c.inputs = {wave(o.batch_first ? Shape{o.batch, o.steps, o.inputs} : Shape{o.steps, o.batch, o.inputs}), wave(Shape{d, width, o.inputs}, 0.5, 0.02),
              wave(Shape{d, width, o.hidden}, 0.4, -0.03)};
  c.inputs.push_back(o.bias ? std::optional(wave(Shape{d, 2 * width}, 0.3)) : std::nullopt);
  c.inputs.push_back(o.lengths.empty() ? std::nullopt : std::optional(Tensor::of<int32_t>(Shape{o.batch}, std::span(o.lengths))));
  c.inputs.push_back(o.states ? std::optional(wave(state, 0.7)) : std::nullopt);
  if (&op == &kLSTM) {
    c.inputs.push_back(o.states ? std::optional(wave(state, 0.9, 0.1)) : std::nullopt);
    c.inputs.push_back(o.peepholes ? std::optional(wave(Shape{d, 3 * o.hidden}, 0.4)) : std::nullopt);
  }
  while (!c.inputs.back()) c.inputs.pop_back();
  c.attributes.set("direction", std::string(d == 2 ? "bidirectional" : o.reverse ? "reverse" : "forward"));
  c.attributes.set("hidden_size", o.hidden);
  if (o.batch_first) c.attributes.set("layout", int64_t{1});
  if (o.input_forget) c.attributes.set("input_forget", int64_t{1});
  if (o.linear_before_reset) c.attributes.set("linear_before_reset", int64_t{1});
  if (o.clip > 0) c.attributes.set("clip", static_cast<float>(o.clip));
  if (!o.activations.empty()) c.attributes.set("activations", o.activations);
  if (!o.alpha.empty()) c.attributes.set("activation_alpha", o.alpha);
  if (!o.beta.empty()) c.attributes.set("activation_beta", o.beta);
  c.outputs = &op == &kLSTM ? 3 : 2;
  c.reference = [&op, o](const Inputs& in) { return Reference(op, o, in).run(); };
  c.tolerance = 1e-5;
  c.gradient = &op == &kRNN ? &kRNNGradient : &op == &kGRU ? &kGRUGradient : &kLSTMGradient;
  c.gradient_tolerance = 4e-3;
  return c;
}

// Without the gradient: the differences step over the kinks of these activations; kernels/recurrent/cell_function_test.cc checks their slopes.
void check_values(OpCase c) {
  c.gradient = nullptr;
  check(c);
}

void check_all(const OpDef& op) {
  check(case_of("forward", op, {}));
  check(case_of("reverse without states and bias", op, {.reverse = true, .bias = false, .states = false}));
  check(case_of("both ways", op, {.directions = 2}));
  check(case_of("both ways, batches first", op, {.directions = 2, .batch_first = true}));
  check(case_of("lengths", op, {.directions = 2, .lengths = {4, 1, 3}}));
  check(case_of("a length of nothing, batches first", op, {.reverse = true, .batch_first = true, .lengths = {2, 0, 4}}));
  check_values(case_of("clipped", op, {.clip = 0.4}));
  check(case_of("one entry", op, {.steps = 6, .batch = 1, .inputs = 3, .hidden = 33}));
  OpCase constant = case_of("constant weights", op, {.batch = 5, .hidden = 16});
  constant.constants = {1, 2, 3};
  constant.gradient = nullptr;
  check(constant);
}

TEST(Rnn, Cases) {
  check_all(kRNN);
  check_values(case_of("relu", kRNN, {.activations = {"Relu"}, .f = [](double x) { return x > 0 ? x : 0; }}));
  check(case_of("affine", kRNN, {.activations = {"affine"}, .alpha = {0.5f}, .beta = {0.25f}, .f = [](double x) { return 0.5 * x + 0.25; }}));
  check(case_of("scaled tanh", kRNN,
                {.activations = {"ScaledTanh"}, .alpha = {1.5f}, .beta = {0.5f}, .f = [](double x) { return 1.5 * std::tanh(0.5 * x); }}));
  check_values(
      case_of("leaky relu, default", kRNN, {.activations = {"LeakyRelu"}, .f = [](double x) { return x < 0 ? static_cast<double>(0.01f) * x : x; }}));
  check_values(
      case_of("thresholded relu", kRNN, {.activations = {"ThresholdedRelu"}, .alpha = {0.2f}, .f = [](double x) { return x > 0.2 ? x : 0; }}));
  check(case_of("softsign and softplus", kRNN,
                {.directions = 2, .activations = {"Softsign", "Softsign"}, .f = [](double x) { return x / (1 + std::fabs(x)); }}));
  check(case_of("softplus", kRNN, {.activations = {"Softplus"}, .f = [](double x) { return std::log1p(std::exp(x)); }}));
  check_values(case_of("elu", kRNN, {.activations = {"Elu"}, .alpha = {0.75f}, .f = [](double x) { return x < 0 ? 0.75 * std::expm1(x) : x; }}));
}

TEST(Gru, Cases) {
  check_all(kGRU);
  check(case_of("linear before reset", kGRU, {.directions = 2, .linear_before_reset = true, .lengths = {3, 4, 1}}));
  check(case_of("linear before reset without bias", kGRU, {.bias = false, .linear_before_reset = true}));
  // Each activation takes an alpha if it has one: here the second.
  check_values(case_of("two activations, one alpha", kGRU,
                       {.activations = {"Sigmoid", "Elu"}, .alpha = {0.5f}, .g = [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }}));
}

TEST(Lstm, Cases) {
  check_all(kLSTM);
  check(case_of("peepholes", kLSTM, {.directions = 2, .peepholes = true}));
  check(case_of("coupled gates", kLSTM, {.peepholes = true, .input_forget = true}));
  check_values(case_of("hard gates", kLSTM,
                       {.activations = {"HardSigmoid", "Softsign", "Tanh"},
                        .alpha = {0.3f},
                        .beta = {0.4f},
                        .f = [](double x) { return std::min(1.0, std::max(0.0, static_cast<double>(0.3f) * x + static_cast<double>(0.4f))); },
                        .g = [](double x) { return x / (1 + std::fabs(x)); }}));
}

TEST(Lstm, NoSteps) { check(case_of("no steps", kLSTM, {.steps = 0})); }

Inputs lstm_inputs() { return case_of("", kLSTM, {}).inputs; }

TEST(Lstm, Refuses) {
  Inputs in = lstm_inputs();
  expect_refused(kLSTM, in, {{"direction", std::string("sideways")}}, "direction");
  expect_refused(kLSTM, in, {{"activations", std::vector<std::string>{"Sigmoid"}}}, "activations");
  expect_refused(kLSTM, in, {{"activations", std::vector<std::string>{"Sigmoid", "Tanh", "Wave"}}}, "Wave");
  expect_refused(kLSTM, in, {{"hidden_size", int64_t{8}}}, "hidden_size");
  expect_refused(kLSTM, in, {{"direction", std::string("bidirectional")}}, "does not fit");
  in[1] = wave(Shape{1, 27, 5});
  expect_refused(kLSTM, in, {}, "W does not fit");
}

TEST(Lstm, ALengthBeyondTheSequenceIsAStatus) {
  OpCase c = case_of("", kLSTM, {.lengths = {4, 5, 1}});
  Graph g;
  std::map<ValueId, Tensor> known;
  std::vector<ValueId> ids;
  for (const auto& t : c.inputs) {
    ids.push_back(t ? g.add_input("x", Type(t->dtype(), t->shape())) : kNone);
    if (t) known.emplace(ids.back(), *t);
  }
  g.add_output(g.add(kLSTM, ids, c.attributes, {.output_count = 3})[0]);
  ThreadPool pool(1);
  EXPECT_THROW(run_graph(g, known, pool, Isa::kScalar), std::exception);
}

}  // namespace
}  // namespace omni::ops
