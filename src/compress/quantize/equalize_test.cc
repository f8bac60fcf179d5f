#include "compress/quantize/equalize.h"

#include "compress/quantize/network_test.h"
#include "compress/quantize/scaling.h"
#include "compress/quantize/static.h"

namespace omni::compress {
namespace {

using namespace test;

// Conv → ReLU → depthwise → ReLU → MaxPool → Conv, with channels of very different sizes.
Graph chain(bool clip) {
  Graph g;
  const auto activation = [&](ValueId v) {
    if (!clip) return g.add1(ops::kRelu, {v});
    return g.add1(ops::kClip, {v, g.add_constant("low", Tensor::scalar(0.0f)), g.add_constant("high", Tensor::scalar(6.0f))});
  };
  const ValueId x = g.add_input("x", floats(g.dims(), {3, 9, 9}));
  const std::vector<int64_t> pads = {1, 1, 1, 1};
  ValueId y = activation(g.add1(ops::kConv, {x, weight(g, "w0", uneven(normal(Shape{16, 3, 3, 3}, 1, 0.3), 0, 8, 2)), weight(g, "b0", normal(Shape{16}, 3, 0.1))}, {{"pads", pads}}));
  y = activation(g.add1(ops::kConv, {y, weight(g, "w1", uneven(normal(Shape{16, 1, 3, 3}, 4, 0.3), 0, 8, 5)), weight(g, "b1", normal(Shape{16}, 6, 0.1))},
                        {{"pads", pads}, {"group", int64_t{16}}}));
  y = g.add1(ops::kMaxPool, {y}, {{"kernel_shape", std::vector<int64_t>{2, 2}}});
  g.add_output(g.add1(ops::kConv, {y, weight(g, "w2", uneven(normal(Shape{8, 16, 1, 1}, 7, 0.3), 1, 8, 8)), weight(g, "b2", normal(Shape{8}, 9, 0.1))}));
  return g;
}

CalibrateOptions options() {
  CalibrateOptions o;
  o.pool = std::make_shared<ThreadPool>(1);
  return o;
}

double quantized_signal(const Graph& reference, const Graph& graph, const runtime::SampleSource& source) {
  Graph quantized = graph.clone();
  PassContext context;
  const StaticPlan plan = plan_static(quantized, context);
  apply_static(quantized, plan, calibrate(quantized, plan.observed, source, options()), Observer::kMinMax, 99.99, context);
  return least_signal_to_noise(reference, quantized, source, options());
}

TEST(Equalize, ComputesTheSameWithEqualRanges) {
  const Graph before = chain(false);
  Graph after = before.clone();
  PassContext context;
  EXPECT_EQ(equalize_layers(after, false, context), 2u);
  verify(after);
  const Tensor x = normal(Shape{4, 3, 9, 9}, 20);
  EXPECT_LT(difference(test::run(before, x), test::run(after, x)), 1e-5);
  for (const ScalePoint& point : scale_points(after, false)) {
    const auto first = channel_extremes(after, std::span(&point.writers.back(), 1), point.channels), second = channel_extremes(after, point.readers, point.channels);
    for (size_t c = 0; c < first.size(); ++c) EXPECT_NEAR(first[c], second[c], 5e-3 * first[c]);
  }
}

TEST(Equalize, RaisesTheSignalOfTheQuantizedNetwork) {
  const Graph before = chain(false);
  Graph after = before.clone();
  PassContext context;
  equalize_layers(after, false, context);
  const runtime::TensorSource source = samples(Shape{32, 3, 9, 9}, 21);
  EXPECT_GT(quantized_signal(before, after, source), quantized_signal(before, before, source) + 3);
}

TEST(Equalize, ClipsStandInTheWayUnlessAskedFor) {
  Graph kept = chain(true), replaced = chain(true);
  PassContext context;
  EXPECT_EQ(equalize_layers(kept, false, context), 0u);
  EXPECT_EQ(equalize_layers(replaced, true, context), 2u);
  verify(replaced);
  for (NodeId id = 0; id < replaced.node_count(); ++id) EXPECT_TRUE(replaced.node(id).erased || replaced.node(id).op != &ops::kClip);
}

TEST(Equalize, AValueThatOthersReadStays) {
  Graph g = chain(false);
  const NodeId pool = g.value(g.find("w2")).uses[0].node;
  g.add_output(g.node(pool).inputs[0]);
  EXPECT_EQ(scale_points(g, false).size(), 1u);
}

// LayerNormalization → two products, one channel of the normalized activation a hundred times the others.
TEST(Smooth, ComputesTheSameAndRaisesTheSignal) {
  Graph g;
  const ValueId x = g.add_input("x", floats(g.dims(), {6, 32}));
  Tensor gamma = normal(Shape{32}, 1, 0.1, 1), beta = normal(Shape{32}, 2, 0.1);
  gamma.mutable_values<float>()[5] = 60;
  gamma.mutable_values<float>()[17] = 100;
  const ValueId n = g.add1(ops::kLayerNormalization, {x, weight(g, "gamma", gamma), weight(g, "beta", beta)});
  const ValueId a = g.add1(ops::kMatMul, {n, weight(g, "wq", normal(Shape{32, 24}, 3))}), b = g.add1(ops::kMatMul, {n, weight(g, "wk", normal(Shape{32, 24}, 4))});
  g.add_output(g.add1(ops::kConcat, {a, b}, {{"axis", int64_t{2}}}));
  const runtime::TensorSource source = samples(Shape{32, 6, 32}, 5);
  Graph smooth = g.clone();
  PassContext context;
  EXPECT_EQ(smooth_activations(smooth, 0.5, source, options(), context), 1u);
  verify(smooth);
  const Tensor probe = normal(Shape{3, 6, 32}, 6);
  EXPECT_LT(difference(test::run(g, probe), test::run(smooth, probe)), 1e-5);
  // Factors of alpha 0.5: activation and weights end with the same extremes.
  const ScalePoint point = scale_points(smooth, false).at(0);
  Captures captures(smooth);
  captures.channel_max(point.value, point.axis);
  calibrate(smooth, captures, source, options());
  EXPECT_LT(difference(captures.channel_max_of(point.value), channel_extremes(smooth, point.readers, 32)), 1e-4);
  EXPECT_GT(quantized_signal(g, smooth, source), quantized_signal(g, g, source) + 0.5);
}

}  // namespace
}  // namespace omni::compress
