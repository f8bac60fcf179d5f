// States and commits of a session.
#include <gtest/gtest.h>

#include "core/error.h"
#include "runtime/session.h"
#include "runtime/test_ops_test.h"

namespace omni::runtime {
namespace {

using test::floats;

constexpr char kTrain[] = R"(graph train(%g:f32[2], %i:i64[1]) -> (%seen, %w) {
  state %w = f32[2]{1.0,2.0} kind=parameter
  state %n = f32[1]{0.0} kind=scaler
  const %one = f32[1]{1.0}
  %ok = test.Positive(%g)
  %w1 = test.Add(%w, %g)
  %n1 = test.Add(%n, %one)
  %seen = test.Take(%w1, %i) as "seen"
  commit %w <- %w1 if %ok
  commit %n <- %n1
}
)";

Graph train() { return parse(kTrain, test::lookup); }

std::vector<Tensor> step(float g0, float g1, int64_t at = 0) { return {floats({2}, {g0, g1}), Tensor::of<int64_t>({1}, {at})}; }

TEST(Commit, HappensAfterTheRunAndByItsGuard) {
  Session session(train());
  StateSet& states = *session.states();
  std::vector<Tensor> out = session.run(step(1, 2));
  EXPECT_TRUE(out[0].equal(floats({1}, {2})));
  EXPECT_TRUE(out[1].equal(floats({2}, {1, 2}))) << "an output that is a state has the value before the commit";
  EXPECT_TRUE(states.get("w").equal(floats({2}, {2, 4})));
  EXPECT_EQ(states.version(), 1u);
  session.run(step(1, -2));
  EXPECT_TRUE(states.get("w").equal(floats({2}, {2, 4})));
  EXPECT_TRUE(states.get("n").equal(floats({1}, {2})));
  EXPECT_EQ(states.version(), 2u);
  for (int i = 0; i < 5; ++i) session.run(step(1, 1));
  EXPECT_TRUE(states.get("w").equal(floats({2}, {7, 9})));
}

TEST(Commit, AFailedRunCommitsNothing) {
  Session session(train());
  session.run(step(1, 1));
  EXPECT_FALSE(session.run(step(1, 1, 5), {}).ok());
  EXPECT_TRUE(session.states()->get("w").equal(floats({2}, {2, 3})));
  EXPECT_TRUE(session.states()->get("n").equal(floats({1}, {1})));
  EXPECT_EQ(session.states()->version(), 1u);
}

TEST(Commit, SessionsOfSeveralGraphsShareASet) {
  const auto states = std::make_shared<StateSet>();
  Session trainer(train(), {.states = states});
  Session reader(
      parse("graph eval() -> (%v) { state %w = f32[2]{0.0,0.0} kind=parameter  const %one = f32[1]{1.0}  %v = test.Add(%w, %one) }", test::lookup),
      {.states = states});
  Session renamed(
      parse("graph eval() -> (%v) { state %a = f32[2]{0.0,0.0} kind=parameter  const %one = f32[1]{1.0}  %v = test.Add(%a, %one) }", test::lookup),
      {.states = states, .state_names = {{"a", "w"}}});
  trainer.run(step(1, 1));
  EXPECT_TRUE(reader.run(std::vector<Tensor>{})[0].equal(floats({2}, {3, 4})));
  trainer.run(step(1, 1));
  EXPECT_TRUE(reader.run(std::vector<Tensor>{})[0].equal(floats({2}, {4, 5})));
  EXPECT_TRUE(renamed.run(std::vector<Tensor>{})[0].equal(floats({2}, {4, 5})));
  states->set("w", floats({2}, {0, 0}));
  EXPECT_TRUE(reader.run(std::vector<Tensor>{})[0].equal(floats({2}, {1, 1})));
  EXPECT_THROW(Session(parse("graph e() -> (%w) { state %w = f32[3]splat(0.0) kind=parameter }", test::lookup), {.states = states}), Error);
}

TEST(Commit, NextValuesThatAreInputsOrSharedAreCopied) {
  Session session(parse(R"(graph g(%x:f32[2]) -> (%y) {
    state %a = f32[2]{0.0,0.0} kind=buffer
    state %b = f32[2]{0.0,0.0} kind=buffer
    state %c = f32[2]{0.0,0.0} kind=buffer
    %y = test.Add(%x, %a)
    commit %a <- %x
    commit %b <- %y
    commit %c <- %y
  })",
                        test::lookup),
                  {.optimize = false});
  session.run(std::vector<Tensor>{floats({2}, {1, 2})});
  const std::vector<Tensor> out = session.run(std::vector<Tensor>{floats({2}, {10, 20})});
  EXPECT_TRUE(out[0].equal(floats({2}, {11, 22})));
  EXPECT_TRUE(session.states()->get("a").equal(floats({2}, {10, 20})));
  EXPECT_TRUE(session.states()->get("b").equal(floats({2}, {11, 22})));
  EXPECT_TRUE(session.states()->get("c").equal(floats({2}, {11, 22})));
}

TEST(Commit, TheShapesMustAgree) {
  Session session(
      parse("graph g(%x:f32[N]) -> () { state %a = f32[2]{0.0,0.0} kind=buffer  const %o = f32[1]{1.0}  %y = test.Add(%x, %o)  commit %a <- %y }",
            test::lookup));
  EXPECT_TRUE(session.run(std::vector<Tensor>{floats({2}, {1, 2})}, {}).ok());
  EXPECT_EQ(session.run(std::vector<Tensor>{floats({1}, {1})}, {}).message(), "state \"a\": its next value is [1], the state [2]");
}

}  // namespace
}  // namespace omni::runtime
