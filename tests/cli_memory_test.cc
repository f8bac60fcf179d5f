// Memory as `omni predict` counts it beside what processes of `omni bench` and `omni train` come to hold (VmHWM).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli_session.h"

namespace omni::cli_test {

namespace {

using nlohmann::json;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // their allocators keep what is freed, and do not say what they gave
#else
constexpr bool kSanitized = false;
#endif

json result_of(const std::string& line) {
  const Outcome outcome = shell(line + " --json");
  EXPECT_EQ(outcome.code, 0) << line << "\n" << outcome.err;
  const json answer = json::parse(outcome.out, nullptr, false);
  return answer.is_object() ? answer["result"] : json::object();
}

struct Growth {
  double measured, predicted;
};

// What `run` holds beyond the same command on a network of three neurons, and what `predict` says about both.
Growth growth(const std::string& run, const std::string& model, const std::string& run_tiny, const std::string& tiny, const std::string& options) {
  const auto predicted = [&](const std::string& path) {
    return result_of("omni predict " + path + " " + options).at("memory").at("growth_bytes").get<double>();
  };
  // The least of three: the system maps more of a file than is read when it has it at hand anyway.
  const auto measured = [&](const std::string& line) {
    double least = INFINITY;
    for (int i = 0; i < 3; ++i) least = std::min(least, result_of(line).at("process_peak_bytes").get<double>());
    return least;
  };
  return {measured(run) - measured(run_tiny), predicted(model) - predicted(tiny)};
}

// The bar: 5 % or 1 MB.
void expect_close(const Growth& g, const std::string& what) {
  EXPECT_LE(std::abs(g.measured - g.predicted), std::max(0.05 * g.measured, 1e6))
      << what << ": measured " << g.measured << ", predicted " << g.predicted;
}

TEST(CliMemory, InferenceTakesWhatIsPredicted) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  const std::string options = " --runs 3 --warmup 1 --threads 2";
  for (const std::string name : {"lenet-300-100", "cnn-fedavg", "resnet20", "mobilenet-small"}) {
    for (const std::string format : {".onnx", ".omni"}) {
      const std::string path = name + format;
      ASSERT_EQ(run({"new", name, "-o", path}).code, 0);
      expect_close(growth("omni bench " + path + options, path, "omni bench tiny.onnx" + options, "tiny.onnx", ""), path);
    }
  }
}

TEST(CliMemory, TrainingTakesWhatIsPredicted) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have an allocator of their own";
  const WorkDirectory work;
  std::string table;
  for (int column = 0; column < 784; ++column) table += "x" + std::to_string(column) + ",";
  table += "label\n";
  for (int row = 0; row < 96; ++row) {
    for (int column = 0; column < 784; ++column) table += std::to_string((row * 7 + column * 3) % 10) + ",";
    table += std::to_string(row % 10) + "\n";
  }
  write_bytes("data.csv", table);
  ASSERT_EQ(run({"new", "mlp-2nn", "--seed", "1", "-o", "small.onnx"}).code, 0);
  for (const std::string name : {"lenet-300-100", "lenet5", "cnn-fedavg"}) {
    const std::string path = name + ".onnx";
    ASSERT_EQ(run({"new", name, "-o", path}).code, 0);
    for (const std::string optimizer : {"sgd", "adam"}) {
      const std::string options = " --batch 32 --optimizer " + optimizer;
      const auto train = [&](const std::string& model) {
        return "omni train " + model + " --data data.csv --epochs 2 --threads 2 --force -o out.omni" + options;
      };
      expect_close(growth(train(path), path, train("small.onnx"), "small.onnx", "--train" + options), path + " " + optimizer);
    }
  }
}

TEST(CliMemory, ABudgetRefusesWhatDoesNotFit) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory is beyond any such limit";
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  ASSERT_EQ(run({"new", "cnn-fedavg", "-o", "big.omni"}).code, 0);
  const Outcome small = shell("omni bench big.omni --runs 1 --warmup 0 --memory-budget 1MB");
  EXPECT_EQ(small.code, 3);
  EXPECT_NE(small.err.find("more than the budget of 1MB"), std::string::npos) << small.err;
  EXPECT_EQ(shell("omni bench big.omni --runs 1 --warmup 0 --memory-budget 1GB").code, 0);
  ASSERT_EQ(run({"convert", "big.omni", "-o", "big.onnx"}).code, 0);
  const Outcome file = shell("omni run big.onnx --input input=missing.npy --memory-budget 3MB");
  EXPECT_EQ(file.code, 3);
  EXPECT_NE(file.err.find("reading the model already takes more than the budget of 3MB"), std::string::npos) << file.err;
  EXPECT_EQ(shell("omni train tiny.onnx --data missing.csv -o x.onnx --memory-budget 1MB").code, 2);
  EXPECT_FALSE(std::filesystem::exists("x.onnx"));
}

TEST(CliMemory, AModelLargerThanTheDeviceIsTold) {
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  ASSERT_EQ(run({"device", "show", "raspberry_pi_4", "--name", "speck", "-o", "speck.yaml"}).code, 0);
  std::string text = read_text("speck.yaml");
  text.replace(text.find("4096"), 4, "1");
  write_bytes("speck.yaml", text);
  const Outcome outcome = run({"predict", "tiny.onnx", "--device", "speck.yaml"});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_NE(outcome.out.find("are missing"), std::string::npos);
}

}  // namespace

}  // namespace omni::cli_test
