// Memory as `omni predict` counts it beside what processes of `omni bench` and `omni train` come to hold (VmHWM).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "cli_session.h"
#include "omni/omni.h"

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

// A table of pictures 28 x 28 in ten classes.
void make_data(int rows) {
  std::string table;
  for (int column = 0; column < 784; ++column) table += "x" + std::to_string(column) + ",";
  table += "label\n";
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < 784; ++column) table += std::to_string((row * 7 + column * 3) % 10) + ",";
    table += std::to_string(row % 10) + "\n";
  }
  write_bytes("data.csv", table);
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
  make_data(96);
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

double peak(const std::string& line) {
  double least = INFINITY;
  for (int i = 0; i < 3; ++i) least = std::min(least, result_of(line).at("process_peak_bytes").get<double>());
  return least;
}

std::string bytes_option(double bytes) { return " --memory-budget " + std::to_string(static_cast<int64_t>(bytes)) + "B"; }
json budget_of(const std::string& line, double bytes) { return result_of(line + bytes_option(bytes)).at("memory_budget"); }
double needed(const json& budget) { return budget.at("needed_bytes").get<double>(); }

// Within `budget` something is given up, and what is needed then is what is held.
void expect_saving(const std::string& line, const std::string& tiny_line, double budget, const std::string& word) {
  const json answer = budget_of(line, budget);
  ASSERT_FALSE(answer.at("savings").empty()) << line;
  EXPECT_NE(answer.at("savings").back().at("text").get<std::string>().find(word), std::string::npos) << answer.dump();
  EXPECT_EQ(answer.at("missing_bytes").get<int64_t>(), 0);
  EXPECT_LE(needed(answer), budget);
  expect_close({peak(line + bytes_option(budget)) - peak(tiny_line), needed(answer) - needed(budget_of(tiny_line, 1e10))}, line + bytes_option(budget));
}

// Eight layers of 1 MB each.
void make_deep_model(const std::string& path) {
  std::string text = "graph main(%input:f32[N,512]) -> (%logits) {\n", x = "input";
  for (int i = 0; i < 8; ++i) {
    const std::string n = std::to_string(i);
    text += "  const %w" + n + " = f32[512,512]splat(0.00" + std::to_string(i + 1) + ")\n  %" + (i < 7 ? "h" + n : "logits") + " = MatMul(%" + x + ", %w" + n + ")\n";
    x = "h" + n;
  }
  Graph::parse(text + "}\n").save(path);
}

TEST(CliMemory, InferencePacksWeightsInEachRunWithinABudget) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory is beyond any such limit";
  const WorkDirectory work;
  make_tiny_model("tiny.onnx");
  make_deep_model("big.onnx");
  ASSERT_EQ(run({"convert", "big.onnx", "-o", "big.omni"}).code, 0);
  Tensor input(DType::kF32, {1, 512});
  for (size_t i = 0; i < 512; ++i) input.mutable_values<float>()[i] = static_cast<float>(i % 11) - 5;
  input.save("x.npy");
  for (const std::string path : {"big.onnx", "big.omni"}) {
    const std::string bench = "omni bench " + path + " --runs 3 --warmup 1";
    const double budget = needed(budget_of(bench, 1e10)) - 4e6;
    expect_saving(bench, "omni bench tiny.onnx --runs 3 --warmup 1", budget, "of weights in each run");
    ASSERT_EQ(shell("omni run " + path + " --input input=x.npy --force --output-dir plain").code, 0);
    const Outcome lean = shell("omni run " + path + " --input input=x.npy --force --output-dir lean" + bytes_option(budget));
    ASSERT_EQ(lean.code, 0) << lean.err;
    EXPECT_NE(lean.out.find("to fit into"), std::string::npos) << lean.out;
    EXPECT_EQ(read_text("plain/logits.npy"), read_text("lean/logits.npy"));
    const Outcome refused = shell(bench + bytes_option(budget - 5e6));
    EXPECT_EQ(refused.code, 3) << refused.out;
  }
}

TEST(CliMemory, TrainingComputesActivationsAgainWithinABudget) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory is beyond any such limit";
  const WorkDirectory work;
  make_data(96);
  ASSERT_EQ(run({"new", "mlp-2nn", "--seed", "1", "-o", "small.onnx"}).code, 0);
  ASSERT_EQ(run({"new", "resnet20", "-o", "big.onnx"}).code, 0);
  const auto train = [](const std::string& model) { return "omni train " + model + " --data data.csv --epochs 2 --batch 32 --force -o out.omni"; };
  const double whole = needed(budget_of(train("big.onnx"), 1e10));
  const std::string plain = read_text("out.omni");
  expect_saving(train("big.onnx"), train("small.onnx"), 0.65 * whole, "activations again");
  ASSERT_EQ(shell(train("big.onnx") + bytes_option(0.65 * whole)).code, 0);
  EXPECT_TRUE(read_text("out.omni") == plain) << "the trained models differ";
  const Outcome refused = shell(train("big.onnx") + bytes_option(0.2 * whole));
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("the model needs at least"), std::string::npos) << refused.err;
}

TEST(CliMemory, ATrainingGoesOnWithAnotherBudget) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory is beyond any such limit";
  const WorkDirectory work;
  make_data(96);
  ASSERT_EQ(run({"new", "mobilenet-small", "-o", "big.onnx"}).code, 0);
  const std::string train = "omni train big.onnx --data data.csv --validation 20% --batch 32 --epochs 2 --force ";
  ASSERT_EQ(shell(train + "-o whole.omni").code, 0);
  const double needs = needed(budget_of(train + "-o first.omni", 1e10));
  ASSERT_EQ(shell(train + "-o first.omni --directory checkpoints" + bytes_option(0.8 * needs)).code, 0);
  EXPECT_EQ(read_text("first.omni"), read_text("whole.omni"));
  const Outcome again = shell(train + "-o again.omni --directory checkpoints --resume");
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(read_text("again.omni"), read_text("whole.omni"));
}

TEST(CliMemory, PredictAndEvalObeyABudget) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's own memory is beyond any such limit";
  const WorkDirectory work;
  make_data(96);
  ASSERT_EQ(run({"new", "resnet20", "-o", "big.onnx"}).code, 0);
  const std::string eval = "omni eval big.onnx --data data.csv --batch 1";
  const double whole = needed(budget_of(eval, 1e10));
  const json plain = result_of(eval), lean = result_of(eval + bytes_option(whole - 4e5));
  EXPECT_EQ(plain.at("top1_accuracy"), lean.at("top1_accuracy"));
  EXPECT_EQ(plain.at("loss"), lean.at("loss"));
  EXPECT_EQ(lean.at("memory_budget").at("savings").size(), 1u);
  EXPECT_EQ(shell(eval + " --memory-budget 2MB").code, 3);
  const json told = json::parse(shell("omni predict big.onnx --json --memory-budget 2MB").out).at("result").at("memory_budget");
  EXPECT_GT(told.at("missing_bytes").get<int64_t>(), 0);
  EXPECT_EQ(shell("omni predict big.onnx --memory-budget 2MB").code, 1);
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
