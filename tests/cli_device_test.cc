// omni device recommend: what fits, what does not and why, and that the command it prints is the one that --apply carries out.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli_session.h"
#include "omni/omni.h"

namespace omni::cli_test {

namespace {

using nlohmann::json;

// A profile of Raspberry Pi 4's with another largest model, in MiB.
void make_board(const std::string& path, const std::string& limit) {
  ASSERT_EQ(run({"device", "show", "raspberry_pi_4", "--name", "board", "-o", path, "--force"}).code, 0);
  std::string text = read_text(path);
  const std::string key = "max_model_size_mb: {value: 500";
  const size_t at = text.find(key);
  ASSERT_NE(at, std::string::npos) << text;
  text.replace(at, key.size(), "max_model_size_mb: {value: " + limit);
  write_bytes(path, text);
}

json recommend(std::vector<std::string> words, int code) {
  words.insert(words.begin(), {"device", "recommend", "lenet-300-100.onnx", "--device", "./board.yaml", "--json"});
  const Outcome outcome = run(words);
  EXPECT_EQ(outcome.code, code) << outcome.err;
  const json answer = json::parse(outcome.out, nullptr, false);
  return answer.is_object() ? answer["result"] : json::object();
}

TEST(CliDevice, WhatFitsAsItIsStaysAsItIs) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "lenet-300-100.onnx"}).code, 0);
  make_board("board.yaml", "2");
  const json answer = recommend({}, 0);
  EXPECT_EQ(answer["method"], "");
  EXPECT_EQ(answer["reason"], "the model fits as it is");
  EXPECT_FALSE(answer.contains("command"));
  EXPECT_GE(answer["candidates"].size(), 5u);
  EXPECT_EQ(answer["notes"].size(), 2u);  // int8-static and gptq want data
}

// 1.07 MB of f32, 0.3 MiB allowed: 8 bits, of which the weights alone lose least by the study's bounds.
TEST(CliDevice, TheLeastLossyThatFitsIsTakenAndApplied) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "lenet-300-100.onnx"}).code, 0);
  make_board("board.yaml", "0.3");
  const json answer = recommend({"--apply", "-o", "small.onnx"}, 0);
  EXPECT_EQ(answer["method"], "int8-weight");
  EXPECT_EQ(answer["command"], "omni compress lenet-300-100.onnx --method int8-weight -o small.onnx");
  EXPECT_NE(answer["reason"].get<std::string>().find("as it is the model has a file of 1.0"), std::string::npos) << answer["reason"];
  EXPECT_LE(std::filesystem::file_size("small.onnx"), 0.3 * 1048576);
  const std::string applied = Graph::load("small.onnx").text();
  ASSERT_EQ(shell(answer["command"].get<std::string>() + " --force").code, 0);
  EXPECT_EQ(Graph::load("small.onnx").text(), applied);
}

TEST(CliDevice, TheCommandItPrintsSaysAllThatWasSaidAndCanBePasted) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "it's a model.onnx"}).code, 0);
  make_board("board.yaml", "0.3");
  const Outcome outcome = run({"device", "recommend", "it's a model.onnx", "--device", "./board.yaml", "--json", "--scale", "1/128", "--apply", "-o", "a b.onnx"});
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  const json answer = json::parse(outcome.out)["result"];
  EXPECT_EQ(answer["command"], "omni compress 'it'\\''s a model.onnx' --method int8-weight --scale 1/128 -o 'a b.onnx'");
  const std::string applied = Graph::load("a b.onnx").text();
  ASSERT_EQ(shell(answer["command"].get<std::string>() + " --force").code, 0);
  EXPECT_EQ(Graph::load("a b.onnx").text(), applied);
}

TEST(CliDevice, WhatCannotFitIsToldWithWhatItMisses) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "lenet-300-100.onnx"}).code, 0);
  make_board("board.yaml", "0.01");
  const json answer = recommend({}, 1);
  EXPECT_EQ(answer["feasible"], false);
  EXPECT_NE(answer["reason"].get<std::string>().find("nothing fits; nearest is "), std::string::npos);
  EXPECT_NE(answer["reason"].get<std::string>().find("a file of "), std::string::npos);
  make_board("board.yaml", "0.3");
  EXPECT_EQ(recommend({"--max-accuracy-loss", "0.5%"}, 1)["feasible"], false);
  const json slow = recommend({"--max-latency", "1ns"}, 1);
  for (const json& candidate : slow["candidates"]) {
    EXPECT_NE(candidate["misses"].dump().find("a 95th percentile of "), std::string::npos) << candidate;
  }
}

TEST(CliDevice, WithDataAccuracyIsMeasured) {
  if (!has_fashion_mnist()) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "lenet-300-100.onnx"}).code, 0);
  make_board("board.yaml", "0.6");
  const json answer = recommend({"--data", "fashion-mnist@0:64", "--samples", "64"}, 0);
  EXPECT_EQ(answer["notes"].size(), 0u) << answer["notes"];
  for (const json& candidate : answer["candidates"]) EXPECT_EQ(candidate["accuracy_measured"], true) << candidate;
}

// Devices share the work; each answer is what the device gets alone. Methods that lose more than what fits everywhere are not tried.
TEST(CliDevice, SeveralDevicesAtOnce) {
  const WorkDirectory work;
  ASSERT_EQ(run({"new", "lenet-300-100", "-o", "lenet-300-100.onnx"}).code, 0);
  make_board("board.yaml", "0.6");
  const json alone = recommend({}, 0);
  const json both = recommend({"--device", "raspberry_pi_4"}, 0);
  ASSERT_EQ(both["devices"].size(), 2u);
  EXPECT_EQ(both["devices"][0]["method"], alone["method"]);
  EXPECT_NE(alone["method"], "");
  EXPECT_EQ(both["devices"][1]["method"], "");
  EXPECT_EQ(both["feasible"], true);
  const json soon = recommend({"--device", "raspberry_pi_4", "--until-fits"}, 0);
  EXPECT_EQ(soon["devices"][0]["method"], alone["method"]);
  EXPECT_LT(soon["devices"][0]["candidates"].size(), both["devices"][0]["candidates"].size());
  // Whether it fits everywhere, a sanitizer's own memory decides as well.
  const Outcome every = run({"device", "recommend", "lenet-300-100.onnx", "--device", "all", "--until-fits", "--json"});
  EXPECT_LE(every.code, 1) << every.err;
  const json profiles = json::parse(run({"device", "list", "--json"}).out)["result"]["profiles"];
  EXPECT_EQ(json::parse(every.out)["result"]["devices"].size(), profiles.size());
  EXPECT_EQ(run({"device", "recommend", "lenet-300-100.onnx", "--device", "all", "--rule", "study"}).code, 2);
  EXPECT_EQ(run({"device", "recommend", "lenet-300-100.onnx", "--device", "all", "--apply", "-o", "x.onnx"}).code, 2);
}

}  // namespace

}  // namespace omni::cli_test
