// A training that was stopped, killed or resumed in any way ends with the bytes of one that was not.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "core/error.h"
#include "core/temporary_directory_test.h"
#include "train/networks.h"
#include "train/trainer.h"
#include "train/trainer_checkpoint.h"
#include "train/training_example_test.h"

namespace omni::train {
namespace {

using test::patterns;
using test::weights_of;

TrainOptions options(const std::string& directory) {
  TrainOptions o;
  o.epochs = 3;
  o.batch = 16;
  o.threads = 1;
  o.optimizer.kind = OptimizerKind::kAdam;
  o.schedule.kind = ScheduleKind::kOneCycle;
  o.validation = 0.2;
  o.patience = 2;
  o.directory = directory;
  o.checkpoint_seconds = 0;
  return o;
}

Graph network() { return make_network("lenet5", {.height = 16, .width = 16}); }
SampleData data() { return patterns(120, 16, 1.0f); }

TEST(Resume, AfterEveryInterruptionTheBytesAreTheSame) {
  const TrainResult whole = train(network(), data(), options(""));
  core::TemporaryDirectory directory;
  int stopped = 0;
  for (;;) {
    TrainOptions o = options(directory.path());
    int calls = 0;
    o.progress = [&](double, std::string_view) { return ++calls < 2; };  // stops at every second call
    try {
      const TrainResult result = train(network(), data(), o);
      EXPECT_TRUE(weights_of(result.model) == weights_of(whole.model));
      ASSERT_EQ(result.epochs.size(), whole.epochs.size());
      for (size_t i = 0; i < whole.epochs.size(); ++i) {
        EXPECT_EQ(result.epochs[i].train_loss, whole.epochs[i].train_loss);
        EXPECT_EQ(result.epochs[i].train_accuracy, whole.epochs[i].train_accuracy);
        EXPECT_EQ(result.epochs[i].validation_loss, whole.epochs[i].validation_loss);
      }
      EXPECT_TRUE(result.resumed);
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kInterrupted) << error.what();
      ASSERT_LT(++stopped, 100);
    }
  }
  EXPECT_GT(stopped, 0);
}

// Trains in a child process and writes the weights to `output`; never returns.
[[noreturn]] void train_and_exit(const std::string& directory, const std::string& output) {
  try {
    const std::string weights = weights_of(train(network(), data(), options(directory)).model);
    std::ofstream(output + ".new", std::ios::binary) << weights;
    std::filesystem::rename(output + ".new", output);
    _exit(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    _exit(1);
  }
}

TEST(Resume, KilledAtRandomMomentsTheBytesAreTheSame) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string expected = weights_of(train(network(), data(), options("")).model);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::mt19937 engine(5);
  int killed = 0, finished = 0;
  while (killed < 10 || finished == 0) {
    core::TemporaryDirectory directory;
    const std::string output = directory.file("weights");
    while (!std::filesystem::exists(output)) {
      const pid_t child = fork();
      ASSERT_GE(child, 0);
      if (child == 0) train_and_exit(directory.path(), output);
      if (killed < 10) {
        std::this_thread::sleep_for(std::chrono::duration<double>(std::uniform_real_distribution<double>(0, seconds / 2)(engine)));
        kill(child, SIGKILL);
      }
      int status = 0;
      ASSERT_EQ(waitpid(child, &status, 0), child);
      if (WIFSIGNALED(status)) ++killed;
      else ASSERT_EQ(WEXITSTATUS(status), 0);
    }
    std::ifstream file(output, std::ios::binary);
    EXPECT_TRUE(std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()) == expected);
    ++finished;
  }
}

TEST(Resume, RefusesAnotherTrainingAndAnotherInstructionSet) {
  core::TemporaryDirectory directory;
  TrainOptions o = options(directory.path());
  train(network(), data(), o);
  EXPECT_TRUE(train(network(), data(), o).resumed);  // finished: nothing to do
  TrainOptions other = o;
  other.seed = 9;
  try {
    train(network(), data(), other);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kExists);
  }
  other.on_checkpoint = OnCheckpoint::kRestart;
  EXPECT_FALSE(train(network(), data(), other).resumed);
  if (detect_isa() == Isa::kScalar) return;
  other.on_checkpoint = OnCheckpoint::kRefuse;
  EXPECT_THROW(train(network(), data(), other), Error);
  other.on_checkpoint = OnCheckpoint::kResume;
  other.isa = Isa::kScalar;
  EXPECT_THROW(train(network(), data(), other), Error);
}

}  // namespace
}  // namespace omni::train
