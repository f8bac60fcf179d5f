// omni run --loop: states, pieces of an input, tokens with and without a cache.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli_session.h"
#include "omni/omni.h"

namespace omni::cli_test {

namespace {

using nlohmann::json;

json answer_of(std::vector<std::string> words) {
  words.insert(words.begin(), "run");
  words.push_back("--json");
  const Outcome outcome = run(words);
  EXPECT_EQ(outcome.code, 0) << outcome.err;
  return json::parse(outcome.out, nullptr, false)["result"];
}

std::string error_of(std::vector<std::string> words) {
  words.insert(words.begin(), "run");
  const Outcome outcome = run(words);
  EXPECT_EQ(outcome.code, 2) << outcome.out;
  return outcome.err;
}

// state = state / 2 + the piece's mean; the last piece of 300 is filled up with 200 zeros.
TEST(CliLoop, StateGoesFromPieceToPiece) {
  const WorkDirectory work;
  make_loop_models();
  const json result = answer_of({"detector.onnx", "--loop", "0", "--chunk", "sound=500", "--input", "sound=recording.npy", "--output-dir", "out"});
  EXPECT_EQ(result["steps"], 3);
  EXPECT_EQ(result["feeds"], json::parse(R"([{"output": "stateN", "input": "state"}])"));
  const Tensor score = Tensor::load("out/score.npy"), state = Tensor::load("out/stateN.npy");
  ASSERT_EQ(score.count(), 3);
  EXPECT_FLOAT_EQ(score.values<float>()[0], 1);
  EXPECT_FLOAT_EQ(score.values<float>()[1], 1.5f);
  EXPECT_FLOAT_EQ(score.values<float>()[2], 0.75f + 0.6f);
  EXPECT_FLOAT_EQ(state.values<float>()[3], 1.35f);
}

TEST(CliLoop, AGivenStateIsWhereItStarts) {
  const WorkDirectory work;
  make_loop_models();
  Tensor::of<float>({1, 4}, {2.0f, 4.0f, 6.0f, 8.0f}).save("first.npy");
  answer_of({"detector.onnx", "--loop", "1", "--feed", "stateN=state", "--chunk", "sound=100", "sound=recording.npy", "state=first.npy",
             "--output-dir", "out"});
  EXPECT_FLOAT_EQ(Tensor::load("out/stateN.npy").values<float>()[3], 5);
}

TEST(CliLoop, GreedyTokens) {
  const WorkDirectory work;
  make_loop_models();
  EXPECT_EQ(answer_of({"decoder.onnx", "--loop", "5", "input_ids=prompt.npy"})["tokens"], json::parse("[[2, 0, 1, 3, 2]]"));
  EXPECT_EQ(answer_of({"decoder.onnx", "--loop", "5", "--end-token", "1", "input_ids=prompt.npy"})["tokens"], json::parse("[[2, 0, 1]]"));
}

TEST(CliLoop, DrawnTokensFollowTheSeed) {
  const WorkDirectory work;
  make_loop_models();
  const auto drawn = [](const char* seed, const char* k) {
    return answer_of({"decoder.onnx", "--loop", "200", "--top-k", k, "--temperature", "2", "--seed", seed, "input_ids=prompt.npy"})["tokens"];
  };
  EXPECT_EQ(drawn("1", "2"), drawn("1", "2"));
  EXPECT_NE(drawn("1", "2"), drawn("2", "2"));
  // Two candidates a step, the better one e^(1/2) times as likely.
  const std::vector<int64_t> tokens = drawn("3", "2")[0];
  int64_t before = 3, better = 0;
  for (const int64_t t : tokens) {
    EXPECT_TRUE(t == (2 * before + 1) % 5 || t == before || before == 4) << t << " after " << before;
    better += t != before;
    before = t;
  }
  EXPECT_NEAR(static_cast<double>(better), 200 * 0.6225, 5 * 7);  // five deviations
}

// The cache holds the tokens so far; the scores' highest is their sum modulo 7, so a lost or doubled entry shows.
TEST(CliLoop, ACacheTakesOneTokenAtATime) {
  const WorkDirectory work;
  Graph::parse(
      R"(graph cached(%input_ids:i64[B,T], %attention_mask:i64[B,S], %past_key_values.0.key:f32[B,past_sequence_length]) -> (%logits, %present.0.key) {
  const %axes = i64[1]{1}
  const %seven = f32[]{7.0}
  const %classes = f32[7]{0.0,1.0,2.0,3.0,4.0,5.0,6.0}
  %new = Cast(%input_ids) to=1
  %present.0.key = Concat(%past_key_values.0.key, %new) axis=1
  %mask = Cast(%attention_mask) to=1
  %seen = Mul(%present.0.key, %mask)
  %sum = ReduceSum(%seen, %axes) keepdims=1
  %rest = Mod(%sum, %seven) fmod=1
  %off = Sub(%classes, %rest)
  %far = Abs(%off)
  %near = Neg(%far)
  %logits = Unsqueeze(%near, %axes)
}
)")
      .save("cached.onnx");
  Tensor::of<int64_t>({1, 3}, {1, 2, 3}).save("prompt.npy");
  // 6, then 12, 17, 20, 26 modulo 7.
  const json result = answer_of({"cached.onnx", "--loop", "5", "input_ids=prompt.npy", "--output-dir", "out"});
  EXPECT_EQ(result["tokens"], json::parse("[[6, 5, 3, 6, 5]]"));
  EXPECT_EQ(result["feeds"], json::parse(R"([{"output": "present.0.key", "input": "past_key_values.0.key"}])"));
  EXPECT_EQ(Tensor::load("out/present.0.key.npy").count(), 7);
}

TEST(CliLoop, WrongUse) {
  const WorkDirectory work;
  make_loop_models();
  make_tiny_model("tiny.onnx");
  Tensor(DType::kF32, {1, 4}).save("x.npy");
  EXPECT_NE(error_of({"tiny.onnx", "--loop", "3", "x=x.npy"}).find("--feed OUTPUT=INPUT"), std::string::npos);
  EXPECT_NE(error_of({"detector.onnx", "--loop", "3", "--feed", "stat=state", "sound=recording.npy"}).find("stateN"), std::string::npos);
  EXPECT_NE(error_of({"detector.onnx", "--loop", "3", "--feed", "state", "sound=recording.npy"}).find("expected two names"), std::string::npos);
  EXPECT_NE(error_of({"detector.onnx", "--loop", "0", "sound=recording.npy"}).find("steps"), std::string::npos);
  EXPECT_NE(error_of({"detector.onnx", "--loop", "2"}).find("sound"), std::string::npos);
  EXPECT_NE(error_of({"detector.onnx", "--loop", "0", "--chunk", "sound=0", "sound=recording.npy"}).find("cut"), std::string::npos);
  EXPECT_NE(error_of({"decoder.onnx", "--loop", "2"}).find("input_ids"), std::string::npos);
  EXPECT_NE(error_of({"decoder.onnx", "--top-k", "2", "input_ids=prompt.npy"}).find("--loop N"), std::string::npos);
  EXPECT_NE(error_of({"decoder.onnx", "--loop", "2", "--temperature", "0", "input_ids=prompt.npy"}).find("--temperature"), std::string::npos);
  EXPECT_NE(error_of({"decoder.onnx", "--loop", "2", "--profile", "input_ids=prompt.npy"}).find("--profile"), std::string::npos);
}

}  // namespace

}  // namespace omni::cli_test
