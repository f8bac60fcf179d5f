#include "compress/quantize/static_choice.h"

#include "compress/quantize/network_test.h"

namespace omni::compress {
namespace {

using namespace test;

// Convolutions with uneven channels, and an input with a rare outlier, so that the observers differ.
TEST(StaticChoice, IsNotBelowAnySingleObserver) {
  Graph g;
  const ValueId x = g.add_input("x", floats(g.dims(), {3, 8, 8}));
  ValueId y = g.add1(ops::kRelu, {g.add1(ops::kConv, {x, weight(g, "a", uneven(normal(Shape{16, 3, 3, 3}, 1, 0.3), 0, 8, 2)), weight(g, "ab", normal(Shape{16}, 3, 0.1))})});
  y = g.add1(ops::kRelu, {g.add1(ops::kConv, {y, weight(g, "b", normal(Shape{16, 16, 3, 3}, 4, 0.2))})});
  g.add_output(g.add1(ops::kConv, {y, weight(g, "c", normal(Shape{5, 16, 1, 1}, 5, 0.2))}));
  Tensor data = normal(Shape{24, 3, 8, 8}, 6);
  for (size_t i = 0; i < 4; ++i) data.mutable_values<float>()[i * 977] = 25;
  const runtime::TensorSource source({"x"}, {data});
  CalibrateOptions calibration;
  calibration.pool = std::make_shared<ThreadPool>(1);
  PassContext context;
  const auto signal = [&](Observer observer) {
    Graph quantized = g.clone();
    EXPECT_FALSE(quantize_static(quantized, {.observer = observer, .bias_correction = Try::kConfirmed}, source, calibration, context).empty());
    verify(quantized);
    return least_signal_to_noise(g, quantized, source, calibration);
  };
  const double chosen = signal(Observer::kAuto);
  for (const Observer observer : {Observer::kMse, Observer::kMinMax, Observer::kPercentile}) EXPECT_GE(chosen, signal(observer)) << observer_name(observer);
  EXPECT_TRUE(std::any_of(context.notes.begin(), context.notes.end(), [](const std::string& note) { return note.find("and equalization") != std::string::npos; }));
}

}  // namespace
}  // namespace omni::compress
