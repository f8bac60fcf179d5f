#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

// torch.optim.Adam and AdamW in double.
Outputs adam(const Inputs& in, double decay, bool decoupled) {
  const double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  const auto w = to_double(*in[0]), g = to_double(*in[1]), m = to_double(*in[2]), v = to_double(*in[3]);
  const double rate = to_double(*in[4])[0], t = static_cast<double>(to_int64(*in[5])[0]) + 1, scale = in.size() > 6 ? to_double(*in[6])[0] : 1;
  Outputs out(3, std::vector<double>(w.size()));
  for (size_t i = 0; i < w.size(); ++i) {
    const double d = scale * g[i] + (decoupled ? 0 : decay * w[i]);
    out[1][i] = beta1 * m[i] + (1 - beta1) * d;
    out[2][i] = beta2 * v[i] + (1 - beta2) * d * d;
    const double first = out[1][i] / (1 - std::pow(beta1, t)), second = out[2][i] / (1 - std::pow(beta2, t));
    out[0][i] = w[i] * (decoupled ? 1 - rate * decay : 1) - rate * first / (std::sqrt(second) + epsilon);
  }
  return out;
}

Inputs inputs(int64_t step) {
  const Shape shape{5, 7};
  return {wave(shape), wave(shape, 0.5, 0.1), wave(shape, 0.2), wave(shape, 0.1, 0.3), scalar_f32(0.01f), Tensor::scalar(step)};
}

TEST(AdamUpdate, Cases) {
  for (const int64_t step : {0, 1, 1000}) {
    check({.name = "Adam with decay", .op = &kAdamUpdate, .inputs = inputs(step), .attributes = {{"weight_decay", 0.01f}}, .outputs = 3,
           .reference = [](const Inputs& in) { return adam(in, 0.01f, false); }});
    check({.name = "AdamW", .op = &kAdamUpdate, .inputs = inputs(step), .attributes = {{"weight_decay", 0.01f}, {"decoupled", int64_t{1}}}, .outputs = 3,
           .reference = [](const Inputs& in) { return adam(in, 0.01f, true); }});
  }
  Inputs scaled = inputs(3);
  scaled.push_back(scalar_f32(0.25f));
  check({.name = "scaled", .op = &kAdamUpdate, .inputs = scaled, .outputs = 3, .reference = [](const Inputs& in) { return adam(in, 0, false); }});
}

// The expansion is the definition: both give the same numbers.
TEST(AdamUpdate, ExpansionAgrees) {
  ThreadPool pool(1);
  for (const int64_t decoupled : {0, 1}) {
    Graph g("g");
    std::map<ValueId, Tensor> known;
    std::vector<ValueId> ids;
    for (const auto& t : inputs(4)) {
      ids.push_back(g.add_input("x", Type(t->dtype(), t->shape())));
      known.emplace(ids.back(), *t);
    }
    const std::vector<ValueId> fused = g.add(kAdamUpdate, ids, {{"weight_decay", 0.1f}, {"decoupled", decoupled}});
    const std::vector<ValueId> expanded = kAdamUpdate.expand(g, *g.producer(fused[0]));
    std::vector<ValueId> outputs = fused;
    outputs.insert(outputs.end(), expanded.begin(), expanded.end());
    g.set_outputs(outputs);
    const auto values = run_graph(g, known, pool, detect_isa());
    for (size_t i = 0; i < 3; ++i) {
      const auto a = to_double(values.at(fused[i])), b = to_double(values.at(expanded[i]));
      for (size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 5e-7);
    }
  }
}

}  // namespace
}  // namespace omni::ops
