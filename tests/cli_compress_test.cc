// omni compress by recipes: what it measures, reports, refuses, and how it goes on.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli_session.h"

namespace omni::cli_test {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Pictures of 28x28 in two classes that are easy to tell apart: bright above, or below.
void make_pictures(const std::string& path, int count) {
  std::string text;
  for (int k = 0; k < 784; ++k) text += "p" + std::to_string(k) + ",";
  text += "label\n";
  for (int i = 0; i < count; ++i) {
    for (int k = 0; k < 784; ++k) text += ((k < 392) == (i % 2 == 0) ? "0.9" : (k + i) % 7 == 0 ? "0.2" : "0") + std::string(",");
    text += std::to_string(i % 2) + "\n";
  }
  write_bytes(path, text);
}

json answer_of(const Outcome& outcome) { return json::parse(outcome.out, nullptr, false); }

struct CompressRecipes : testing::Test {
  WorkDirectory work;
  void SetUp() override { ASSERT_EQ(run({"new", "lenet-300-100", "-o", "net.onnx"}).code, 0); }
};

TEST_F(CompressRecipes, EveryStepIsMeasuredAndReported) {
  make_pictures("data.csv", 60);
  write_bytes("r.yaml",
              "format: 1\nsteps:\n  - {method: finetune, epochs: 3, batch: 8, optimizer: adam}\n  - {method: int8-static, samples: 32}\n  - method: "
              "int8-static\n");
  const Outcome outcome = run({"compress", "net.onnx", "--recipe", "./r.yaml", "--data", "data.csv", "--validation", "40%", "--latency-time", "10ms",
                               "--report", "report", "-o", "small.onnx", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json result = answer_of(outcome)["result"];
  ASSERT_EQ(result["steps"].size(), 3u);
  EXPECT_EQ(result["steps"][0]["applied"], true) << result["steps"][0]["reason"];
  EXPECT_GT(result["steps"][0]["change"]["gain_low"], 0);
  EXPECT_EQ(result["steps"][0]["change"]["samples"], 24);
  EXPECT_EQ(result["steps"][1]["applied"], true) << result["steps"][1]["reason"];
  EXPECT_LT(result["steps"][1]["change"]["after_bytes"], result["steps"][1]["change"]["before_bytes"]);
  EXPECT_GT(result["steps"][1]["change"]["after_ms"], 0);
  // The file has the recipe and the model's hash besides.
  EXPECT_NEAR(result["whole"]["after_bytes"].get<double>(), static_cast<double>(fs::file_size("small.onnx")), 2000);
  EXPECT_EQ(result["layers"].size(), 3u);
  EXPECT_GT(result["layers"][0]["snr_db"], 20);
  EXPECT_FALSE(result["activations"].empty());
  EXPECT_FALSE(result["values"].empty());
  EXPECT_TRUE(result["applied"].get<std::string>().starts_with("format: 1\n"));
  EXPECT_FALSE(fs::exists("small.onnx.work"));
  // The page has each section, and the recipe again.
  const std::string page = read_text("report/report.html");
  for (const char* part :
       {"Sizes by layer", "Ranges of activations", "Where values drift", "fc1.weight", "int8-static", "method: finetune", "new Chart("}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(json::parse(read_text("report/report.json"), nullptr, false)["key"], result["key"]);
  EXPECT_NE(read_text("report/manifest.json").find("small.onnx"), std::string::npos);
  // What was applied is in the file, and is a recipe.
  const json inspected = answer_of(run({"inspect", "small.onnx", "--json"}))["result"];
  EXPECT_EQ(inspected["metadata"]["recipe"], result["applied"]);
}

TEST_F(CompressRecipes, WhatDoesNotPayIsNotWritten) {
  ASSERT_EQ(run({"compress", "net.onnx", "--method", "int8-weight", "-o", "int8.onnx"}).code, 0);
  EXPECT_FALSE(fs::exists("int8.onnx.work"));
  write_bytes("r.yaml", "format: 1\nsteps:\n  - method: entropy-coding\n");  // an ONNX file holds no coded weights
  const Outcome outcome = run({"compress", "int8.onnx", "--recipe", "./r.yaml", "--latency-time", "10ms", "-o", "same.onnx"});
  EXPECT_EQ(outcome.code, 1) << outcome.err;
  EXPECT_NE(outcome.out.find("not applied: no gain in bytes or latency: as many bytes"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("no step pays: nothing was written"), std::string::npos) << outcome.out;
  EXPECT_FALSE(fs::exists("same.onnx"));
  // A package does.
  const Outcome coded = run({"compress", "int8.onnx", "--recipe", "./r.yaml", "--latency-time", "10ms", "-o", "coded.omni"});
  EXPECT_EQ(coded.code, 0) << coded.out << coded.err;
  EXPECT_LT(fs::file_size("coded.omni"), fs::file_size("int8.onnx"));
}

TEST_F(CompressRecipes, TheSameCommandGoesOnAndAnotherIsRefused) {
  const std::vector<std::string> command = {"compress",       "net.onnx", "--recipe", "half", "--device",
                                            "raspberry_pi_4", "--work",   "w",        "-o",   "half.omni"};
  ASSERT_EQ(run(command).code, 0);
  EXPECT_TRUE(fs::exists("w/recipe.journal"));
  const std::string bytes = read_text("half.omni");
  std::vector<std::string> again = command;
  again.push_back("--json");
  const Outcome resumed = run(again);  // the output is this run's own
  ASSERT_EQ(resumed.code, 0) << resumed.err;
  EXPECT_EQ(answer_of(resumed)["result"]["resumed"], true);
  EXPECT_EQ(read_text("half.omni"), bytes);
  std::vector<std::string> other = command;
  other[3] = "int8-weights";
  const Outcome refused = run(other);
  EXPECT_EQ(refused.code, 2);
  EXPECT_NE(refused.err.find("the work of a run with another recipe is there"), std::string::npos) << refused.err;
  other.insert(other.end(), {"--restart", "--force"});
  EXPECT_EQ(run(other).code, 0);
  EXPECT_NE(read_text("half.omni"), bytes);
  // By a device's model two whole runs are the same bytes.
  ASSERT_EQ(run({"compress", "net.onnx", "--recipe", "half", "--device", "raspberry_pi_4", "-o", "second.omni"}).code, 0);
  EXPECT_EQ(read_text("second.omni"), bytes);
}

TEST_F(CompressRecipes, ASingleMethodLeavesAnothersWorkAlone) {
  ASSERT_EQ(run({"compress", "net.onnx", "--recipe", "half", "--device", "raspberry_pi_4", "--keep", "-o", "small.omni"}).code, 0);
  ASSERT_TRUE(fs::exists("small.omni.work/recipe.journal"));
  ASSERT_EQ(run({"compress", "net.onnx", "--method", "int8-weight", "--force", "-o", "small.omni"}).code, 0);
  EXPECT_TRUE(fs::exists("small.omni.work/recipe.journal"));
  // The file is another one now: the recipe does not take it for its own.
  EXPECT_EQ(run({"compress", "net.onnx", "--recipe", "half", "--device", "raspberry_pi_4", "--keep", "-o", "small.omni"}).code, 2);
}

TEST_F(CompressRecipes, WhatWasNotMeasuredIsNotReported) {
  write_bytes("r.yaml", "format: 1\ndecide: none\nsteps:\n  - method: fp16\n");
  const Outcome outcome = run({"compress", "net.onnx", "--recipe", "./r.yaml", "--report", "report", "-o", "half.omni", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_FALSE(answer_of(outcome)["result"].contains("whole"));
  EXPECT_EQ(read_text("report/report.html").find("Size of the model"), std::string::npos);
}

TEST_F(CompressRecipes, WhatMakesNoSenseIsRefused) {
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"compress", "net.onnx", "-o", "x.onnx"}, "one of --method and --recipe is needed"},
      {{"compress", "net.onnx", "--method", "fp16", "--recipe", "half", "-o", "x.onnx"}, "one of --method and --recipe is needed"},
      {{"compress", "--method", "fp16", "-o", "x.onnx"}, "MODEL is missing"},
      {{"compress", "net.onnx", "--method", "fp16"}, "-o is missing"},
      {{"compress", "net.onnx", "--method", "fp16", "--group", "32", "-o", "x.onnx"}, "--group: fp16 has no such option"},
      {{"compress", "net.onnx", "--method", "int4-weight", "--group", "48", "-o", "x.onnx"}, "group: expected a power of two, found 48"},
      {{"compress", "net.onnx", "--method", "int4-weight", "--option", "groups=3", "-o", "x.onnx"}, "did you mean group?"},
      {{"compress", "net.onnx", "--recipe", "half", "--group", "32", "-o", "x.onnx"}, "goes with --method only"},
      {{"compress", "net.onnx", "--recipe", "haff", "-o", "x.onnx"}, "did you mean half?"},
      {{"compress", "net.onnx", "--recipe", "half", "--max-accuracy-loss", "1%", "-o", "x.onnx"}, "accuracy is bounded, and there is no data"},
      {{"compress", "net.onnx", "--recipe", "int8", "-o", "x.onnx"}, "it works on samples, and there is no data"},
      {{"compress", "net.onnx", "--method", "fp16", "--device", "raspberry_pi_4", "-o", "x.onnx"},
       "nothing is measured for a single method without a report"},
      {{"compress", "net.onnx", "--method", "fp16", "--keep", "-o", "x.onnx"}, "a single method leaves no work to go on with"},
      {{"compress", "net.onnx", "--method", "fp16", "--report", "r", "--max-accuracy-loss", "1%", "-o", "x.onnx"}, "applied whether it pays or not"},
      {{"compress", "net.onnx", "--recipe", "half", "--work", "w", "--keep", "-o", "x.onnx"}, "stays anyway"},
  };
  for (const auto& [words, message] : cases) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 2) << message;
    EXPECT_NE(outcome.err.find(message), std::string::npos) << message << "\n" << outcome.err;
    EXPECT_FALSE(fs::exists("x.onnx"));
    EXPECT_FALSE(fs::exists("x.onnx.work")) << message;
  }
  const Outcome listed = run({"compress", "--recipe", "list"});
  EXPECT_NE(listed.out.find("int8-finetuned"), std::string::npos);
  EXPECT_NE(run({"compress", "--method", "list"}).out.find("keep_ends_int8"), std::string::npos);
}

TEST(CliCompress, CodedPackagesAreSmallerAndGiveTheSameWeights) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "a.onnx"}).code, 0);
  ASSERT_EQ(run({"compress", "a.onnx", "--method", "int4-weight", "-o", "small.omni"}).code, 0);
  const Outcome outcome = run({"convert", "small.omni", "--coded", "--layers", "-o", "coded.omni", "--json"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  size_t dense = 0, coded = 0;
  const json result = json::parse(outcome.out)["result"];
  for (const json& weight : result["weights"]) {
    dense += weight["dense_bytes"].get<size_t>();
    coded += weight["coded_bytes"].get<size_t>();
    EXPECT_LE(weight["coded_bytes"], weight["dense_bytes"]);
  }
  EXPECT_LT(coded, dense);
  EXPECT_LT(fs::file_size("coded.omni"), fs::file_size("small.omni"));
  EXPECT_EQ(run({"verify", "coded.omni"}).code, 0);
  // Back again: the bytes of what was never coded.
  ASSERT_EQ(run({"convert", "coded.omni", "-o", "dense.omni"}).code, 0);
  EXPECT_TRUE(read_text("dense.omni") == read_text("small.omni"));
  ASSERT_EQ(run({"convert", "small.omni", "-o", "small.onnx"}).code, 0);
  ASSERT_EQ(run({"convert", "coded.omni", "-o", "coded.onnx"}).code, 0);
  EXPECT_TRUE(read_text("coded.onnx") == read_text("small.onnx"));
  EXPECT_EQ(run({"convert", "small.omni", "--coded", "-o", "coded.onnx", "--force"}).code, 2);
  EXPECT_EQ(run({"convert", "small.omni", "--layers", "-o", "x.omni"}).code, 2);
}

}  // namespace

}  // namespace omni::cli_test
