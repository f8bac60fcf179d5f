#include "train/differentiate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "core/error.h"
#include "ops/op_list.h"
#include "runtime/session.h"
#include "train/losses.h"
#include "train/mark_parameters.h"
#include "train/networks.h"
#include "train/set_mode.h"
#include "train/training_example_test.h"

namespace omni::train {
namespace {

Tensor random_tensor(Shape shape, unsigned seed, float scale = 1) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal;
  Tensor t(DType::kF32, shape);
  for (float& v : t.mutable_values<float>()) v = normal(engine) * scale;
  return t;
}

// Compares every gradient with central differences at up to `probes` elements of each parameter.
void check_gradients(Graph graph, ValueId loss, const std::map<std::string, Tensor>& inputs, double tolerance, int probes = 6) {
  std::vector<ValueId> parameters;
  for (const ValueId id : graph.states()) {
    if (graph.value(id).role == Role::kParameter) parameters.push_back(id);
  }
  const std::string loss_name = graph.value(loss).name;
  const std::vector<ValueId> gradients = differentiate(graph, loss, parameters);
  graph.set_commits({});
  std::vector<ValueId> outputs = {graph.find(loss_name)};
  for (const ValueId g : gradients) {
    ASSERT_NE(g, kNone);
    outputs.push_back(g);
  }
  graph.set_outputs(outputs);
  graph.erase_dead();
  verify(graph);
  std::vector<std::string> names, gradient_names;
  for (size_t i = 0; i < parameters.size(); ++i) {
    names.push_back(graph.value(parameters[i]).name);
    gradient_names.push_back(graph.value(gradients[i]).name);
  }
  runtime::Session session(graph.clone(), test::one_thread());
  const auto result = session.run(inputs);
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor before = session.states()->get(names[i]);
    const auto gradient = to_double(result.at(gradient_names[i]));
    ASSERT_EQ(result.at(gradient_names[i]).shape(), before.shape()) << names[i];
    for (int probe = 0; probe < probes; ++probe) {
      const size_t at = static_cast<size_t>(before.count()) * static_cast<size_t>(probe) / static_cast<size_t>(probes);
      // A kink of ReLU or a maximum inside the step spoils a difference, rounding one of a small step: some step must agree.
      double difference = 0;
      for (const float step : {1.0f / 256, 1.0f / 1024, 1.0f / 4096}) {
        double side[2];
        for (int k = 0; k < 2; ++k) {
          Tensor changed = Tensor::of<float>(before.shape(), before.values<float>());
          changed.mutable_values<float>()[at] += k == 0 ? -step : step;
          session.states()->set(names[i], changed);
          side[k] = to_double(session.run(inputs).at(loss_name))[0];
        }
        difference = (side[1] - side[0]) / (2 * step);
        if (std::fabs(gradient[at] - difference) <= tolerance * std::max(1.0, std::fabs(difference))) break;
      }
      session.states()->set(names[i], before);
      EXPECT_NEAR(gradient[at], difference, tolerance * std::max(1.0, std::fabs(difference))) << names[i] << " element " << at;
    }
  }
}

// A network with its loss, in training mode, and inputs for it.
void check_network(Graph graph, const Shape& input, double tolerance, int probes = 6) {
  mark_parameters(graph);
  append_loss(graph, {.kind = LossKind::kCrossEntropy});
  const std::string loss_name = graph.value(graph.outputs()[1]).name;
  set_mode(graph, Mode::kTrain);
  std::vector<int64_t> labels;
  for (int64_t i = 0; i < input[0]; ++i) labels.push_back(i * 7 % 10);
  const ValueId loss = graph.find(loss_name);
  check_gradients(std::move(graph), loss,
                  {{"input", random_tensor(input, 1)}, {"target", Tensor::of<int64_t>({input[0]}, std::span<const int64_t>(labels))}}, tolerance, probes);
}

TEST(Differentiate, Mlp) { check_network(make_network("mlp-2nn", {.height = 4, .width = 4}), {5, 1, 4, 4}, 2e-3); }
TEST(Differentiate, LeNet) { check_network(make_network("lenet5", {.height = 16, .width = 16}), {3, 1, 16, 16}, 3e-3); }
TEST(Differentiate, ResidualWithBatchNorm) { check_network(make_network("resnet20", {.height = 8, .width = 8}), {4, 1, 8, 8}, 1.2e-2, 2); }
TEST(Differentiate, DepthwiseSeparable) { check_network(make_network("mobilenet-small", {.height = 8, .width = 8}), {4, 1, 8, 8}, 1.2e-2, 2); }

TEST(Differentiate, FanOutIsSummed) {
  Graph g = parse(R"(graph g(%x:f32[2]) -> (%l) {
    state %w = f32[2]{1.0,-2.0} kind=parameter
    const %axes = i64[1]{0}
    %a = Mul(%w, %x)
    %b = Mul(%w, %w)
    %c = Add(%a, %b)
    %d = Add(%c, %w)
    %l = ReduceMean(%d, %axes) keepdims=0
  })", ops::find_op);
  const ValueId l = g.find("l"), w = g.find("w");
  const std::vector<ValueId> gradients = differentiate(g, l, std::vector<ValueId>{w});
  g.set_outputs({gradients[0]});
  runtime::Session session(std::move(g), test::one_thread());
  const std::vector<Tensor> x = {Tensor::of<float>({2}, {3, 5})};
  const auto result = to_double(session.run(std::span<const Tensor>(x))[0]);  // (x + 2 w + 1) / 2
  EXPECT_FLOAT_EQ(static_cast<float>(result[0]), 3);
  EXPECT_FLOAT_EQ(static_cast<float>(result[1]), 1);
}

TEST(Differentiate, ParameterWithoutInfluenceHasNone) {
  Graph g = parse(R"(graph g(%x:f32[2]) -> (%l) {
    state %w = f32[2]{1.0,-2.0} kind=parameter
    state %u = f32[2]{1.0,-2.0} kind=parameter
    const %axes = i64[1]{0}
    %a = Mul(%w, %x)
    %s = ai.omni.StopGradient(%u)
    %b = Mul(%a, %s)
    %l = ReduceMean(%b, %axes) keepdims=0
  })", ops::find_op);
  const std::vector<ValueId> parameters = {g.find("w"), g.find("u")};
  const std::vector<ValueId> gradients = differentiate(g, g.find("l"), parameters);
  EXPECT_NE(gradients[0], kNone);
  EXPECT_EQ(gradients[1], kNone);
}

TEST(Differentiate, LabelSmoothingAndMse) {
  Graph g = make_network("mlp-2nn", {.height = 3, .width = 3});
  Graph h = g.clone();
  mark_parameters(g);
  append_loss(g, {.kind = LossKind::kCrossEntropy, .label_smoothing = 0.2});
  const ValueId smooth = g.outputs()[1];
  check_gradients(std::move(g), smooth, {{"input", random_tensor({3, 1, 3, 3}, 4)}, {"target", Tensor::of<int64_t>({3}, {1, 9, 0})}}, 2e-3, 3);
  mark_parameters(h);
  append_loss(h, {.kind = LossKind::kMse});
  const ValueId mse = h.outputs()[1];
  check_gradients(std::move(h), mse, {{"input", random_tensor({3, 1, 3, 3}, 4)}, {"target", random_tensor({3, 10}, 5)}}, 2e-3, 3);
}

TEST(Differentiate, DropoutUsesTheSameCoinsBackwards) {
  Graph g = parse(R"(graph g(%x:f32[4,8]) -> (%l) {
    state %w = f32[8]{1.0,-2.0,3.0,0.5,1.0,2.0,-1.0,0.25} kind=parameter
    const %axes = i64[2]{0,1}
    %a = Mul(%x, %w)
    %d = Dropout(%a) as "drop"
    %e = Mul(%d, %d)
    %l = ReduceMean(%e, %axes) keepdims=0
  })", ops::find_op);
  const ModeReport mode = set_mode(g, Mode::kTrain);
  EXPECT_EQ(mode.dropouts, 1);
  const ValueId l = g.find("l");
  check_gradients(std::move(g), l, {{"x", random_tensor({4, 8}, 9)}, {"seed", Tensor::scalar(int64_t{3})}, {"step", Tensor::scalar(int64_t{17})}}, 2e-3, 8);
}

TEST(Differentiate, ErrorsNameNodeAndOperator) {
  Graph g = make_network("mlp-2nn", {.height = 3, .width = 3});
  EXPECT_THROW(differentiate(g, g.outputs()[0], {}), Error);  // no scalar
  Graph h = parse(R"(graph g(%x:f32[2]) -> (%l) {
    state %w = f32[2]{1.0,-2.0} kind=parameter
    %a = ai.omni.Reorder(%w) as "the node"
    %l = ReduceMean(%a) keepdims=0
  })", ops::find_op);
  try {
    differentiate(h, h.find("l"), std::vector<ValueId>{h.find("w")});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("the node"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("Reorder"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace omni::train
