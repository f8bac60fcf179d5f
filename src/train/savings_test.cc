// What a session gives up for memory changes no byte of what it computes.
#include "runtime/savings.h"

#include <gtest/gtest.h>

#include "ops/op_list.h"
#include "runtime/session.h"
#include "train/networks.h"
#include "train/training_example_test.h"
#include "train/training_graph.h"

namespace omni::train {
namespace {

struct Outcome {
  std::string bytes;  // outputs and states of three steps
  int64_t arena = 0;
  runtime::Saved saved;
};

Tensor input_for(const Graph& graph, ValueId id, int64_t step, int64_t batch) {
  const Value& v = graph.value(id);
  if (v.type.rank() == 0) return v.type.dtype == DType::kF32 ? Tensor::scalar(0.05f) : Tensor::scalar(step);
  std::vector<int64_t> dims;
  for (const Dim d : v.type.dims) dims.push_back(d.is_constant() ? d.value : batch);
  Tensor t(v.type.dtype, Shape(dims));
  const RandomStream noise(static_cast<uint64_t>(step), v.name);
  for (int64_t i = 0; i < t.count(); ++i) {
    if (v.type.dtype == DType::kF32) t.mutable_values<float>()[static_cast<size_t>(i)] = noise.normal(static_cast<uint64_t>(i));
    else t.mutable_values<int64_t>()[static_cast<size_t>(i)] = static_cast<int64_t>(noise.below(static_cast<uint64_t>(i), 10));
  }
  return t;
}

std::vector<Tensor> inputs_of(const Graph& graph, int64_t step, int64_t batch) {
  std::vector<Tensor> inputs;
  for (const ValueId id : graph.inputs()) inputs.push_back(input_for(graph, id, step, batch));
  return inputs;
}

Outcome run(const Graph& graph, const runtime::Levers& levers, int64_t batch = 8) {
  std::vector<Shape> shapes;
  for (const Tensor& t : inputs_of(graph, 0, batch)) shapes.push_back(t.shape());
  runtime::SessionOptions options = test::one_thread();
  auto saved = std::make_shared<runtime::Saved>();
  runtime::apply(levers, shapes, options, saved);
  runtime::Session session(graph.clone(), options);
  Outcome result;
  result.arena = static_cast<int64_t>(session.plan(shapes).arena_bytes);
  result.saved = *saved;
  const auto add = [&](const Tensor& t) { result.bytes.append(static_cast<const char*>(t.data()), t.bytes()); };
  for (int64_t step = 1; step <= 3; ++step) {
    for (const Tensor& t : session.run(inputs_of(graph, step, batch))) add(t);
  }
  for (const std::string& name : session.states()->names()) add(session.states()->get(name));
  return result;
}

Graph training_graph(const Graph& model, double clip = 0) {
  TrainingGraphOptions options;
  options.loss.kind = LossKind::kCrossEntropy;
  options.optimizer.clip_norm = clip;
  return build_training_graphs(model, options).train;
}

Graph with_dropout() {
  Graph g = make_network("lenet5", {.height = 16, .width = 16});
  const ValueId before = g.producer(g.outputs()[0])->inputs[0];
  const NodeId last = g.value(g.outputs()[0]).producer;
  const ValueId ratio = g.add_constant("ratio", Tensor::scalar(0.5f)), training = g.add_constant("training", Tensor::scalar(true));
  const ValueId dropped = g.add1(*ops::find_op("", "Dropout"), {before, ratio, training}, {}, {.name = "dropout"});
  g.set_node_input(last, 0, dropped);
  return g;
}

void expect_same_in_less(const Graph& graph, double share, const std::string& what) {
  const Outcome plain = run(graph, {}), ordered = run(graph, {.order = true});
  EXPECT_LE(ordered.arena, plain.arena) << what;
  EXPECT_TRUE(ordered.bytes == plain.bytes) << what << ": another order";
  const auto goal = static_cast<int64_t>(share * static_cast<double>(ordered.arena));
  const Outcome lean = run(graph, {.order = true, .arena_bytes = goal});
  EXPECT_TRUE(lean.bytes == plain.bytes) << what << ": recomputation";
  EXPECT_LE(lean.arena, goal) << what;
  EXPECT_GT(lean.saved.recomputed, 0) << what;
  EXPECT_GT(lean.saved.more_operations, 0) << what;
}

TEST(TrainingSavings, RecomputationGivesTheSameBytes) {
  expect_same_in_less(training_graph(make_network("resnet20", {})), 0.52, "resnet20");
}

TEST(TrainingSavings, RandomMasksAreTheSame) { expect_same_in_less(training_graph(with_dropout()), 0.97, "dropout"); }

TEST(TrainingSavings, RunningStatisticsAreCountedOnce) {
  expect_same_in_less(training_graph(make_network("mobilenet-small", {})), 0.7, "mobilenet-small");
}

TEST(TrainingSavings, GradientsThatAreClippedTogether) {
  expect_same_in_less(training_graph(make_network("resnet20", {}), 1.0), 0.6, "resnet20 clipped");
}

TEST(TrainingSavings, WhatCannotBeHadIsTheLeastThereIs) {
  const Graph graph = training_graph(make_network("resnet20", {}));
  const Outcome plain = run(graph, {}), least = run(graph, {.order = true, .arena_bytes = 1});
  EXPECT_TRUE(plain.bytes == least.bytes);
  EXPECT_LT(least.arena, plain.arena * 6 / 10);  // the first blocks alone are that large, for pictures as small
}

TEST(InferenceSavings, WeightsPackedInEachRunGiveTheSameBytes) {
  for (const char* name : {"lenet-300-100", "lenet5", "cnn-fedavg", "mobilenet-small", "resnet20"}) {
    const Graph graph = make_network(name, {});
    for (const int64_t batch : {1, 4, 8}) {  // few rows have a product of their own
      SCOPED_TRACE(std::string(name) + ", batch " + std::to_string(batch));
      const Outcome plain = run(graph, {}, batch), lean = run(graph, {.order = true, .unpacked_bytes = INT64_MAX}, batch);
      EXPECT_TRUE(plain.bytes == lean.bytes);
      EXPECT_EQ(lean.saved.unpacked_bytes, lean.saved.weight_bytes);
      EXPECT_GT(lean.saved.unpacked_weights, 1);
      EXPECT_EQ(plain.saved.unpacked_weights, 0);
    }
  }
}

// A product whose weights are stored [k][n], and a recurrent layer.
TEST(InferenceSavings, ProductsAndRecurrentLayersToo) {
  Graph graph = parse(R"(graph main(%x:f32[5,N,24]) -> (%y, %h) {
  const %w = f32[1,128,24]splat(0)
  const %r = f32[1,128,32]splat(0)
  const %m = f32[32,40]splat(0)
  const %axis = i64[1]{1}
  %s:f32[5,1,N,32], %h:f32[1,N,32] = LSTM(%x, %w, %r) hidden_size=32
  %f:f32[5,N,32] = Squeeze(%s, %axis)
  %y:f32[5,N,40] = MatMul(%f, %m)
}
)", ops::find_op);
  for (const char* name : {"w", "r", "m"}) {
    Value& weight = graph.value(graph.find(name));
    Tensor values(DType::kF32, weight.data.shape());
    const RandomStream noise(1, name);
    for (int64_t i = 0; i < values.count(); ++i) values.mutable_values<float>()[static_cast<size_t>(i)] = 0.2F * noise.normal(static_cast<uint64_t>(i));
    weight.data = std::move(values);
  }
  for (const int64_t batch : {1, 3}) {
    const Outcome plain = run(graph, {}, batch), lean = run(graph, {.unpacked_bytes = INT64_MAX}, batch);
    EXPECT_TRUE(plain.bytes == lean.bytes) << batch;
    EXPECT_GT(lean.saved.unpacked_weights, 1) << batch;
  }
}

TEST(InferenceSavings, NoMoreWeightsThanItTakes) {
  const Graph graph = make_network("resnet20", {});
  const Outcome some = run(graph, {.unpacked_bytes = 200000});
  EXPECT_GE(some.saved.unpacked_bytes, 200000);
  EXPECT_LT(some.saved.unpacked_bytes, 400000);
}

}  // namespace
}  // namespace omni::train
