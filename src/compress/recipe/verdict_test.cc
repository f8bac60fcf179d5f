// Did it help: the rule, and its words.
#include "compress/recipe/verdict.h"

#include <gtest/gtest.h>

#include <cmath>

#include "compress/measure/paired_latency.h"
#include "core/error.h"
#include "core/rng.h"
#include "ops/op_list.h"

namespace omni::compress {
namespace {

StepChange change(int64_t bytes, double ratio, double half, int64_t better, int64_t worse) {
  StepChange c;
  c.bytes_before = 1000;
  c.bytes_after = bytes;
  c.latency = StepChange::Latency{1e-3, ratio * 1e-3, ratio, ratio - half, ratio + half};
  Outcomes before, after;
  for (int64_t i = 0; i < 1000; ++i) {
    before.scores.push_back(i < worse || i >= 500 ? 1.0f : 0.0f);
    after.scores.push_back((i >= worse && i < worse + better) || i >= 500 ? 1.0f : 0.0f);
  }
  c.outcomes = compare_outcomes(before, after);
  c.accuracy_loss_in_all = -c.outcomes->gain;
  return c;
}

TEST(Verdict, AnswersThatAreNoNumbersAreNoGain) {
  StepChange c;
  c.bytes_before = 1000;
  c.bytes_after = 250;
  c.labels = false;
  const Outcomes before{false, {0.1F, 0.2F, 0.3F}}, after{false, {0.1F, std::nanf(""), 0.3F}};
  c.outcomes = compare_outcomes(before, after);
  const Verdict verdict = judge(c, {});
  EXPECT_FALSE(verdict.applied);
  EXPECT_NE(verdict.reason.find("no finite numbers"), std::string::npos) << verdict.reason;
  EXPECT_TRUE(judge(c, {.required = true, .max_accuracy_loss = {}}).applied);
}

TEST(Verdict, OneCertainGainIsEnough) {
  EXPECT_EQ(judge(change(250, 1, 0.01, 5, 5), {}).gains, std::vector<std::string>{"bytes"});
  EXPECT_EQ(judge(change(1000, 0.9, 0.05, 5, 5), {}).gains, std::vector<std::string>{"latency"});
  EXPECT_EQ(judge(change(1000, 1, 0.01, 40, 5), {}).gains, std::vector<std::string>{"accuracy"});
  const Verdict costly = judge(change(250, 1.5, 0.1, 0, 50), {});
  EXPECT_TRUE(costly.applied);
  EXPECT_EQ(costly.losses, (std::vector<std::string>{"latency", "accuracy"}));
  EXPECT_EQ(
      costly.reason,
      "75.0 % fewer bytes, 0.67 times as fast (0.62 to 0.71), accuracy -5.00 points (-6.35 to -3.63); pays in bytes, costs latency and accuracy");
}

TEST(Verdict, WhatIsNotCertainIsNoGain) {
  for (const StepChange& c : {change(1000, 1, 0.01, 5, 5), change(996, 1, 0.01, 5, 5), change(1000, 0.95, 0.06, 5, 5),
                              change(1000, 0.99, 0.001, 5, 5), change(1000, 1, 0.01, 8, 2)}) {
    const Verdict v = judge(c, {});
    EXPECT_FALSE(v.applied) << v.reason;
    EXPECT_TRUE(v.reason.starts_with("not applied: no gain in bytes, latency or accuracy: ")) << v.reason;
    const Verdict required = judge(c, {.required = true, .max_accuracy_loss = {}});
    EXPECT_TRUE(required.applied);
    EXPECT_TRUE(required.reason.starts_with("applied because it is required: no gain")) << required.reason;
  }
  StepChange bytes_alone;
  bytes_alone.bytes_before = bytes_alone.bytes_after = 10;
  EXPECT_EQ(judge(bytes_alone, {}).reason, "not applied: no gain in bytes: as many bytes");
}

TEST(Verdict, ABoundOfAccuracyHolds) {
  const StepChange c = change(250, 0.5, 0.1, 0, 20);
  EXPECT_TRUE(judge(c, {.required = false, .max_accuracy_loss = 0.02}).applied);
  const Verdict v = judge(c, {.required = false, .max_accuracy_loss = 0.01});
  EXPECT_FALSE(v.applied);
  EXPECT_TRUE(v.reason.starts_with("not applied: 2.00 points of accuracy lost in all, where 1.00 are allowed: 75.0 % fewer bytes")) << v.reason;
  EXPECT_TRUE(judge(c, {.required = true, .max_accuracy_loss = 0.01}).applied);
}

TEST(Outcomes, AreKeptAsTextToTheBit) {
  const Outcomes cases[] = {{true, {}}, {true, {1, 0, 1, 1, 0}}, {true, {0.25f, 1}}, {false, {1e-30f, 3.5f, 0}}, {false, {1, 0}}};
  for (const Outcomes& o : cases) EXPECT_EQ(Outcomes::parse(o.text()), o) << o.text();
  EXPECT_EQ((Outcomes{true, {1, 0, 1, 1, 0}}).text(), "b5:d0");
  for (const char* text : {"", "b", "b5", "b5:d", "b5:dg", "x1:0", "b-1:0", "l1:0000", "v99999999999:00"})
    EXPECT_THROW(Outcomes::parse(text), Error) << text;
}

TEST(Outcomes, ErrorsAreBetterWhenTheyAreSmaller) {
  const OutcomeChange c = compare_outcomes({false, {1, 2, 3, 4}}, {false, {0.5f, 1.5f, 2.5f, 3.5f}});
  EXPECT_DOUBLE_EQ(c.gain, 0.5);
  EXPECT_DOUBLE_EQ(c.low, 0.5);
  EXPECT_EQ(c.better, 4);
  EXPECT_THROW(compare_outcomes({true, {1}}, {true, {1, 0}}), Error);
}

TEST(PairedLatency, TheSameModelTwiceTakesTurns) {
  const Graph graph = parse("graph one(%x:f32[1,64]) -> (%y) {\n  %y = Relu(%x)\n}\n", ops::find_op);
  const PairedLatency l = compare_latency(graph, graph, {.inputs = {Tensor(DType::kF32, Shape{1, 64})}, .seconds = 0.01, .progress = {}});
  EXPECT_GE(l.turns, 7);
  EXPECT_GT(l.before, 0);
  EXPECT_LE(l.low, l.ratio);
  EXPECT_GE(l.high, l.ratio);
}

}  // namespace
}  // namespace omni::compress
