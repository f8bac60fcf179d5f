#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

std::vector<double> doubles(const std::optional<Tensor>& t) { return to_double(*t); }

// torch.optim.SGD in double.
Outputs sgd(const Inputs& in, double momentum, double decay, bool nesterov) {
  const auto w = doubles(in[0]), g = doubles(in[1]);
  const bool moving = in[2].has_value();
  const double rate = doubles(in[3])[0], scale = in.size() > 4 && in[4] ? doubles(in[4])[0] : 1;
  Outputs out(moving ? 2 : 1, std::vector<double>(w.size()));
  for (size_t i = 0; i < w.size(); ++i) {
    const double d = scale * g[i] + decay * w[i];
    const double v = moving ? momentum * doubles(in[2])[i] + d : d;
    out[0][i] = w[i] - rate * (nesterov ? d + momentum * v : v);
    if (moving) out[1][i] = v;
  }
  return out;
}

TEST(SgdUpdate, Cases) {
  const Shape shape{5, 7};
  check({.name = "plain", .op = &kSgdUpdate, .inputs = {wave(shape), wave(shape, 0.5, 0.1), std::nullopt, scalar_f32(0.1f)},
         .reference = [](const Inputs& in) { return sgd(in, 0, 0, false); }});
  check({.name = "momentum, decay and scale", .op = &kSgdUpdate,
         .inputs = {wave(shape), wave(shape, 0.5, 0.1), wave(shape, 2), scalar_f32(0.1f), scalar_f32(0.25f)},
         .attributes = {{"momentum", 0.9f}, {"weight_decay", 0.01f}}, .outputs = 2,
         .reference = [](const Inputs& in) { return sgd(in, 0.9f, 0.01f, false); }});
  check({.name = "nesterov", .op = &kSgdUpdate, .inputs = {wave(shape), wave(shape, 0.5, 0.1), wave(shape, 2), scalar_f32(0.1f)},
         .attributes = {{"momentum", 0.5f}, {"nesterov", int64_t{1}}}, .outputs = 2,
         .reference = [](const Inputs& in) { return sgd(in, 0.5, 0, true); }});
}

// The expansion is the definition: both give the same numbers.
TEST(SgdUpdate, ExpansionAgrees) {
  ThreadPool pool(1);
  Graph g("g");
  const auto input = [&](const char* name, Tensor t, std::map<ValueId, Tensor>& known) {
    const ValueId id = g.add_input(name, Type(t.dtype(), t.shape()));
    known.emplace(id, std::move(t));
    return id;
  };
  std::map<ValueId, Tensor> known;
  const Shape shape{33};
  const ValueId w = input("w", wave(shape), known), d = input("g", wave(shape, 0.3, 0.2), known), v = input("v", wave(shape, 2), known);
  const ValueId rate = input("rate", scalar_f32(0.1f), known), scale = input("scale", scalar_f32(0.5f), known);
  const std::vector<ValueId> fused = g.add(kSgdUpdate, {w, d, v, rate, scale}, {{"momentum", 0.9f}, {"weight_decay", 0.1f}, {"nesterov", int64_t{1}}}, {.output_count = 2});
  const std::vector<ValueId> expanded = kSgdUpdate.expand(g, *g.producer(fused[0]));
  g.set_outputs({fused[0], fused[1], expanded[0], expanded[1]});
  const auto values = run_graph(g, known, pool, detect_isa());
  for (int i = 0; i < 2; ++i) {
    const auto a = to_double(values.at(fused[static_cast<size_t>(i)])), b = to_double(values.at(expanded[static_cast<size_t>(i)]));
    for (size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 5e-7);
  }
}

TEST(SgdUpdate, RefusesWhatDoesNotFit) {
  expect_refused(kSgdUpdate, {wave({2}), wave({2, 2}), std::nullopt, scalar_f32(1)}, {}, "rank");
}

}  // namespace
}  // namespace omni::ops
