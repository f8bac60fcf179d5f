// Recipes carried out: what is applied and what is not, and going on after any end.
#include "compress/recipe/run_recipe.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "compress/recipe/identity.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_directory_test.h"
#include "train/networks.h"
#include "train/training_example_test.h"

namespace omni::compress {
namespace {

using train::test::patterns;
using train::test::weights_of;

constexpr int64_t kSide = 16;

Graph network() { return train::make_network("lenet5", {.height = kSide, .width = kSide}); }

// A run of which the bytes decide and a made-up latency: as many seconds as constants have bytes.
struct TestRun : RecipeRun {
  explicit TestRun(const std::string& folder) : samples(patterns(160, kSide, 0.5f)), held(patterns(96, kSide, 0.5f, 2)) {
    data = &samples;
    evaluation = &held;
    pool = std::make_shared<ThreadPool>(1);
    directory = folder;
    checkpoint_seconds = 0;
    predictor = "bytes";
    predict = [](const Graph& graph) {
      double bytes = 0;
      for (const ValueId id : graph.constants()) bytes += static_cast<double>(graph.value(id).data.bytes());
      return bytes * 1e-9;
    };
  }
  train::SampleData samples, held;
};

Recipe recipe(const std::string& steps, const std::string& decide = "model") {
  return parse_recipe("format: 1\ndecide: " + decide + "\nsteps:\n" + steps, "test");
}
const std::string kTrain = "  - {method: finetune, epochs: 4, batch: 16, optimizer: adam, learning_rate: 0.003}\n";
const std::string kInt8 = "  - {method: int8-static, observer: mse, bias_correction: never, samples: 64}\n";

TEST(RunRecipe, StepsThatPayAreAppliedInOrder) {
  const core::TemporaryDirectory folder;
  const TestRun run(folder.path());
  const Recipe two = recipe(kTrain + kInt8);
  const Graph model = network();
  const RecipeResult result = run_recipe(model, two, run);
  ASSERT_EQ(result.steps.size(), 2u);
  EXPECT_TRUE(result.steps[0].applied) << result.steps[0].reason;
  EXPECT_TRUE(result.steps[1].applied) << result.steps[1].reason;
  EXPECT_GT(result.steps[0].change->outcomes->low, 0);  // trained from nothing
  EXPECT_LT(result.steps[1].change->bytes_after, result.steps[1].change->bytes_before * 2 / 5);
  EXPECT_EQ(result.steps[1].change->bytes_before, result.steps[0].change->bytes_after);
  EXPECT_EQ(result.steps[1].change->outcomes->before, result.steps[0].change->outcomes->after);
  EXPECT_EQ(result.whole->bytes_before, result.steps[0].change->bytes_before);
  EXPECT_EQ(result.whole->bytes_after, result.steps[1].change->bytes_after);
  EXPECT_TRUE(result.applied == two);
  EXPECT_FALSE(result.resumed);
  EXPECT_FALSE(result.steps[1].tensors.empty());
  // Every weight has a report; the quantized ones an error, the others a reason.
  ASSERT_EQ(result.layers.size(), 4u);  // two convolutions and two matrices
  for (const LayerReport& layer : result.layers) {
    EXPECT_EQ(layer.action, "int8") << layer.name;
    EXPECT_EQ(layer.bytes_after * 4, layer.bytes_before) << layer.name;
  }
  for (const LayerReport& layer : result.steps[1].layers) {
    ASSERT_TRUE(layer.snr_db.has_value()) << layer.name;
    EXPECT_GT(*layer.snr_db, 30) << layer.name;  // eight bits per channel: about 6 dB a bit
  }
  // The steps by themselves give the same bytes.
  StepInput input;
  input.data = run.data;
  input.pool = run.pool;
  const StepResult first = apply_step(model, *two.steps[0].step, two.steps[0].options, input);
  const StepResult second = apply_step(first.graph, *two.steps[1].step, two.steps[1].options, input);
  EXPECT_TRUE(weights_of(second.graph) == weights_of(result.graph));
}

TEST(RunRecipe, AStepThatDoesNotPayIsNotApplied) {
  const core::TemporaryDirectory folder;
  const TestRun run(folder.path());
  const Recipe twice = recipe("  - method: int8-weight\n  - method: fp16\n  - method: int8-weight\n");
  const RecipeResult result = run_recipe(network(), twice, run);
  EXPECT_TRUE(result.steps[0].applied) << result.steps[0].reason;
  EXPECT_FALSE(result.steps[2].applied) << result.steps[2].reason;
  EXPECT_NE(result.steps[2].reason.find("not applied: no gain in bytes, latency or accuracy"), std::string::npos) << result.steps[2].reason;
  EXPECT_FALSE(result.applied.steps.empty());
  EXPECT_LT(result.applied.steps.size(), 3u);
}

TEST(RunRecipe, RequiredStepsAndBoundsDecideOtherwise) {
  const core::TemporaryDirectory folder, other, third;
  Recipe slow = recipe("  - {method: finetune, learning_rate: 1e-12}\n");
  EXPECT_FALSE(run_recipe(network(), slow, TestRun(folder.path())).steps[0].applied);
  slow.steps[0].required = true;
  const RecipeResult kept = run_recipe(network(), slow, TestRun(other.path()));
  EXPECT_TRUE(kept.steps[0].applied);
  EXPECT_EQ(kept.steps[0].reason.find("applied because it is required"), 0u);
  // Of a trained network with one weight in a thousand left the file is small, and the answers are wrong.
  const core::TemporaryDirectory training, free;
  const Graph trained = run_recipe(network(), recipe(kTrain), TestRun(training.path())).graph.clone();
  Recipe pruned = recipe("  - {method: prune, sparsity: 99.9%, most: 100%}\n  - method: entropy-coding\n");
  EXPECT_TRUE(run_recipe(trained, pruned, TestRun(free.path())).steps[1].applied);
  pruned.max_accuracy_loss = 1;
  const StepReport bounded = run_recipe(trained, pruned, TestRun(third.path())).steps[1];
  ASSERT_GT(*bounded.change->accuracy_loss_in_all, 0.01);
  EXPECT_FALSE(bounded.applied);
  EXPECT_NE(bounded.reason.find("points of accuracy lost in all, where 1.00 are allowed"), std::string::npos) << bounded.reason;
}

// What is asked of a step that prepares holds for those that are judged with it.
TEST(RunRecipe, ARequiredStepBringsTheNextAlong) {
  static constexpr StepDef kPrepare = {.name = "test-prepare", .purpose = "changes nothing", .prepares = true, .apply = [](StepContext&) {}};
  static constexpr StepDef kNothing = {.name = "test-nothing", .purpose = "changes nothing", .apply = [](StepContext&) {}};
  const core::TemporaryDirectory folder;
  Recipe prepared;
  prepared.decide = Decide::kModel;
  for (const StepDef* step : {&kPrepare, &kNothing}) prepared.steps.emplace_back(*step);
  prepared.steps[0].required = true;
  const RecipeResult result = run_recipe(network(), prepared, TestRun(folder.path()));
  EXPECT_TRUE(result.steps[0].applied && result.steps[1].applied) << result.steps[1].reason;
}

TEST(RunRecipe, ABoundThatNothingCouldKeepIsRefused) {
  const core::TemporaryDirectory folder;
  Recipe bounded = recipe(kInt8, "none");
  bounded.max_accuracy_loss = 1;
  EXPECT_THROW(run_recipe(network(), bounded, TestRun(folder.path())), Error);
}

TEST(RunRecipe, StepsThatPrepareAreJudgedWithTheNext) {
  static constexpr StepDef kPrepare = {.name = "test-prepare", .purpose = "changes nothing", .prepares = true, .apply = [](StepContext&) {}};
  static constexpr StepDef kNothing = {.name = "test-nothing", .purpose = "changes nothing", .apply = [](StepContext&) {}};
  const core::TemporaryDirectory folder;
  Recipe prepared;
  prepared.decide = Decide::kModel;
  for (const StepDef* step : {&kPrepare, &kNothing, &kPrepare, &find_step("int8-weight"), &kPrepare}) prepared.steps.emplace_back(*step);
  const RecipeResult result = run_recipe(network(), prepared, TestRun(folder.path()));
  const bool applied[] = {false, false, true, true, false};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(result.steps[i].applied, applied[i]) << i << " " << result.steps[i].reason;
  EXPECT_FALSE(result.steps[0].change.has_value());
  EXPECT_EQ(result.applied.steps.size(), 2u);
}

TEST(RunRecipe, WithoutDataBytesAndLatencyDecide) {
  const core::TemporaryDirectory folder, other;
  TestRun run(folder.path());
  run.data = run.evaluation = nullptr;
  run.latency_inputs = {Tensor(DType::kF32, Shape{1, 1, kSide, kSide})};
  run.latency_seconds = 0.01;
  const RecipeResult result = run_recipe(network(), recipe("  - method: fp16\n", "host"), run);
  EXPECT_TRUE(result.steps[0].applied);
  EXPECT_FALSE(result.steps[0].change->outcomes.has_value());
  EXPECT_TRUE(result.steps[0].change->latency.has_value());
  ASSERT_EQ(result.notes.size(), 1u);
  EXPECT_NE(result.notes[0].find("accuracy was not measured"), std::string::npos);
  run.directory = other.path();
  try {
    run_recipe(network(), recipe(kInt8), run);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("step int8-static: it works on samples"), std::string::npos) << error.what();
  }
}

TEST(RunRecipe, AFolderOfAnotherRunIsRefused) {
  const core::TemporaryDirectory folder;
  const std::string steps = "  - method: fp16\n";
  TestRun run(folder.path());
  run_recipe(network(), recipe(steps), run);
  EXPECT_TRUE(run_recipe(network(), recipe(steps), run).resumed);
  const auto refused = [&](const Graph& model, const Recipe& wanted, const RecipeRun& other, const char* what) {
    try {
      run_recipe(model, wanted, other);
      ADD_FAILURE() << what;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kExists);
      EXPECT_NE(std::string(error.what()).find(std::string("the work of a run with another ") + what), std::string::npos) << error.what();
    }
  };
  refused(network(), recipe("  - method: bf16\n"), run, "recipe");
  refused(train::make_network("lenet5", {.seed = 2, .height = kSide, .width = kSide}), recipe(steps), run, "model");
  TestRun seeded(folder.path());
  seeded.seed = 2;
  refused(network(), recipe(steps), seeded, "seed");
  TestRun data(folder.path());
  data.samples = patterns(160, kSide, 0.5f, 3);
  refused(network(), recipe(steps), data, "data");
  TestRun device(folder.path());
  device.predictor = "other";
  refused(network(), recipe(steps), device, "device");
  run.restart = true;
  EXPECT_FALSE(run_recipe(network(), recipe("  - method: bf16\n"), run).resumed);
  const core::TemporaryDirectory strange;
  std::ofstream(strange.file("letter.txt")) << "mine";
  run.directory = strange.path();
  EXPECT_THROW(run_recipe(network(), recipe(steps), run), Error);
  EXPECT_TRUE(std::filesystem::exists(strange.file("letter.txt")));
}

// Counts how often samples are read.
class Counted : public runtime::SampleSource {
 public:
  explicit Counted(std::shared_ptr<const runtime::SampleSource> inner) : inner_(std::move(inner)) {}
  int64_t size() const override { return inner_->size(); }
  std::span<const runtime::SampleField> fields() const override { return inner_->fields(); }
  void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override {
    if (indices.size() > 1) ++batches;  // single samples are read for the data's identity
    inner_->read(indices, out, pool);
  }
  mutable std::atomic<int> batches{0};

 private:
  std::shared_ptr<const runtime::SampleSource> inner_;
};

TEST(RunRecipe, StoppedAnywhereItGoesOnAndEvaluatesNothingTwice) {
  const core::TemporaryDirectory whole, parts;
  const Recipe two = recipe(kTrain + kInt8);
  const RecipeResult expected = run_recipe(network(), two, TestRun(whole.path()));
  TestRun run(parts.path());
  const auto counted = std::make_shared<Counted>(run.held.source);
  run.held.source = counted;
  int stopped = 0;
  while (true) {
    int calls = 0;
    run.progress = [&](double, std::string_view) { return ++calls < 2 + stopped % 12; };  // in the middle of a calibration there is no going on
    try {
      const RecipeResult result = run_recipe(network(), two, run);
      EXPECT_TRUE(weights_of(result.graph) == weights_of(expected.graph));
      EXPECT_EQ(result.key, expected.key);
      EXPECT_TRUE(result.resumed);
      for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(result.steps[i].reason, expected.steps[i].reason);
        EXPECT_EQ(result.steps[i].tensors.size(), expected.steps[i].tensors.size());
        EXPECT_EQ(result.steps[i].notes, expected.steps[i].notes);
      }
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kInterrupted) << error.what();
      ASSERT_LT(++stopped, 200);
    }
  }
  EXPECT_GT(stopped, 0);
  const int before = counted->batches;
  run.progress = {};
  run_recipe(network(), two, run);
  EXPECT_EQ(counted->batches, before);
}

[[noreturn]] void run_and_exit(const std::string& folder, const std::string& output) {
  try {
    TestRun run(folder);
    const std::string weights = weights_of(run_recipe(network(), recipe(kTrain + kInt8), run).graph);
    std::ofstream(output + ".new", std::ios::binary) << weights;
    std::filesystem::rename(output + ".new", output);
    _exit(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    _exit(1);
  }
}

TEST(RunRecipe, KilledAtRandomMomentsTheBytesAreTheSame) {
  const core::TemporaryDirectory undisturbed;
  const auto begin = std::chrono::steady_clock::now();
  const std::string expected = weights_of(run_recipe(network(), recipe(kTrain + kInt8), TestRun(undisturbed.path())).graph);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::mt19937 engine(7);
  int killed = 0, finished = 0;
  while (killed < 10 || finished == 0) {
    const core::TemporaryDirectory folder;
    const std::string output = folder.file("weights");
    while (!std::filesystem::exists(output)) {
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) run_and_exit(folder.file("work"), output);
      if (killed < 10) {
        std::this_thread::sleep_for(std::chrono::duration<double>(std::uniform_real_distribution<double>(0, seconds * 0.7)(engine)));
        kill(child, SIGKILL);
      }
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      if (WIFSIGNALED(status))
        ++killed;
      else
        ASSERT_EQ(WEXITSTATUS(status), 0);
    }
    EXPECT_TRUE(core::read_text_file(output, 1 << 28) == expected);
    ++finished;
  }
}

}  // namespace
}  // namespace omni::compress
