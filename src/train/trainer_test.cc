#include "train/trainer.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "ops/op_list.h"
#include "train/evaluate.h"
#include "train/networks.h"
#include "train/training_example_test.h"

namespace omni::train {
namespace {

using test::patterns;
using test::weights_of;

const NetworkOptions kSmall = {.height = 4, .width = 4};

TrainOptions quick(int64_t epochs = 4) {
  TrainOptions o;
  o.epochs = epochs;
  o.batch = 32;
  o.threads = 1;
  return o;
}

TEST(Trainer, LearnsWithEveryOptimizer) {
  const SampleData data = patterns(500, 4, 0.5f), fresh = patterns(300, 4, 0.5f, 2);
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam, OptimizerKind::kAdamW}) {
    TrainOptions o = quick();
    o.optimizer.kind = kind;
    o.optimizer.weight_decay = 1e-3;
    o.optimizer.clip_norm = 5;
    o.schedule = {.kind = ScheduleKind::kCosine, .warmup = 0.1};
    const TrainResult result = train(make_network("mlp-2nn", kSmall), data, o);
    ASSERT_EQ(result.epochs.size(), 4u);
    EXPECT_EQ(result.steps, 4 * 16);  // 15 full batches and one of 20
    EXPECT_LT(result.epochs[3].train_loss, result.epochs[0].train_loss / 2);
    EXPECT_EQ(result.parameters.size(), 6u);
    EXPECT_TRUE(result.model.states().empty());
    EXPECT_GT(evaluate(result.model, fresh).accuracy(), 0.95) << optimizer_name(kind);
  }
}

TEST(Trainer, TrainsBatchNormAndUsesItsRunningStatistics) {
  const SampleData data = patterns(300, 8, 0.5f), fresh = patterns(200, 8, 0.5f, 2);
  TrainOptions o = quick(5);
  const TrainResult result = train(make_network("mobilenet-small", {.height = 8, .width = 8}), data, o);
  EXPECT_GT(evaluate(result.model, fresh).accuracy(), 0.9);
  EXPECT_NE(to_double(result.model.value(result.model.find("norm1.running_mean")).data)[0], 0);
}

TEST(Trainer, FrozenParametersStay) {
  const Graph model = make_network("mlp-2nn", kSmall);
  TrainOptions o = quick(1);
  o.parameters.freeze = {"fc1.*"};
  const TrainResult result = train(model, patterns(100, 4, 0.5f), o);
  EXPECT_TRUE(result.model.value(result.model.find("fc1.weight")).data.equal(model.value(model.find("fc1.weight")).data));
  EXPECT_FALSE(result.model.value(result.model.find("fc2.weight")).data.equal(model.value(model.find("fc2.weight")).data));
}

TEST(Trainer, ThreadsGiveTheSameBytes) {
  for (const char* name : {"lenet5", "mobilenet-small"}) {
    std::string expected;
    for (const int threads : {1, 2, 5}) {
      TrainOptions o = quick(1);
      o.threads = threads;
      o.optimizer.clip_norm = 1;
      const NetworkOptions network = {.height = 16, .width = 16};
      const std::string got = weights_of(train(make_network(name, network), patterns(70, 16, 0.5f), o).model);
      if (expected.empty()) expected = got;
      EXPECT_TRUE(got == expected) << name << " with " << threads << " threads";
    }
  }
}

TEST(Trainer, ValuesAreTrainedByMeanSquaredError) {
  // y = 2 a - b + 0.5: a linear layer must find it.
  const int64_t n = 256;
  Tensor x(DType::kF32, {n, 2}), y(DType::kF32, {n, 1});
  for (int64_t i = 0; i < n; ++i) {
    const float a = RandomStream(1, "a").normal(static_cast<uint64_t>(i)), b = RandomStream(1, "b").normal(static_cast<uint64_t>(i));
    x.mutable_values<float>()[static_cast<size_t>(2 * i)] = a;
    x.mutable_values<float>()[static_cast<size_t>(2 * i + 1)] = b;
    y.mutable_values<float>()[static_cast<size_t>(i)] = 2 * a - b + 0.5f;
  }
  Graph model = parse(R"(graph g(%x:f32[N,2]) -> (%y) {
    const %w = f32[1,2]{0.0,0.0}
    const %b = f32[1]{0.0}
    %y = Gemm(%x, %w, %b) transB=1
  })", ops::find_op);
  SampleData data;
  data.source = std::make_shared<runtime::TensorSource>(std::vector<std::string>{"x", "y"}, std::vector<Tensor>{x, y});
  data.fields = {{"x", "x"}};
  data.target = "y";
  TrainOptions o = quick(20);
  const TrainResult result = train(model, data, o);
  const auto w = to_double(result.model.value(result.model.find("w")).data);
  EXPECT_NEAR(w[0], 2, 1e-3);
  EXPECT_NEAR(w[1], -1, 1e-3);
  EXPECT_NEAR(to_double(result.model.value(result.model.find("b")).data)[0], 0.5, 1e-3);
  EXPECT_LT(evaluate(result.model, data).mean_squared_error, 1e-5);
}

TEST(Trainer, StopsEarlyAndRestoresTheBest) {
  const SampleData data = patterns(80, 4, 3.0f);  // so much noise that it overfits at once
  TrainOptions o = quick(100);
  o.rate = 0.2;
  o.validation = 0.25;
  o.patience = 3;
  const TrainResult result = train(make_network("mlp-2nn", kSmall), data, o);
  ASSERT_TRUE(result.stopped_early);
  ASSERT_EQ(static_cast<int64_t>(result.epochs.size()), result.best_epoch + 3);
  double best = INFINITY;
  for (const EpochReport& e : result.epochs) best = std::min(best, e.validation_loss);
  EXPECT_EQ(result.epochs[static_cast<size_t>(result.best_epoch - 1)].validation_loss, best);
  // The best epoch's weights came back: training for that many epochs alone ends with the same bytes.
  TrainOptions shorter = o;
  shorter.epochs = result.best_epoch;
  EXPECT_TRUE(weights_of(train(make_network("mlp-2nn", kSmall), data, shorter).model) == weights_of(result.model));
}

TEST(Trainer, ValidationDataOfItsOwn) {
  const SampleData data = patterns(200, 4, 0.5f), held = patterns(100, 4, 0.5f, 2);
  TrainOptions o = quick(2);
  o.validation_data = &held;
  const TrainResult result = train(make_network("mlp-2nn", kSmall), data, o);
  const Evaluation e = evaluate(result.model, held);
  EXPECT_NEAR(result.epochs.back().validation_loss, e.loss, 1e-5);
  EXPECT_EQ(result.epochs.back().validation_accuracy, e.accuracy());
}

TEST(Trainer, ErrorsSayWhatToDo) {
  const SampleData data = patterns(100, 4, 0.5f);
  const Graph model = make_network("mlp-2nn", kSmall);
  const auto code = [&](auto change) {
    TrainOptions o = quick(1);
    change(o);
    try {
      train(model, data, o);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  };
  EXPECT_EQ(code([](TrainOptions& o) { o.rate = 1e30; o.epochs = 3; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](TrainOptions& o) { o.batch = 0; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](TrainOptions& o) { o.patience = 2; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](TrainOptions& o) { o.loss.kind = LossKind::kMse; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](TrainOptions& o) { o.optimizer.momentum = 1; }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code([](TrainOptions& o) { o.progress = [](double, std::string_view) { return false; }; }), ErrorCode::kInterrupted);
  EXPECT_THROW(train(make_network("mlp-2nn", {.height = 4, .width = 4, .classes = 3}), data, quick(1)), Error);
}

}  // namespace
}  // namespace omni::train
