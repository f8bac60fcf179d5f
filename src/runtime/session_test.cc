#include "runtime/session.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "runtime/test_ops_test.h"

namespace omni::runtime {
namespace {

using test::floats;
using test::ramp;

Graph graph_of(std::string_view text) { return parse(text, test::lookup); }

constexpr char kMlp[] = R"(graph mlp(%x:f32[N,3]) -> (%z) {
  const %w1 = f32[3,2]{1.0,2.0,3.0,4.0,5.0,6.0}
  const %w2 = f32[2,2]{1.0,0.0,0.0,-1.0}
  %a = test.MatMul(%x, %w1)
  %b = test.Add(%a, %a)
  %c = test.Add(%b, %b)
  %z = test.MatMul(%c, %w2)
})";

std::string failure_of(const Result& result) { return result.ok() ? "ok" : result.message(); }

TEST(Session, RunsByName) {
  Session session(graph_of(kMlp));
  const auto out = session.run({{"x", floats({2, 3}, {1, 0, 0, 0, 1, 1})}});
  EXPECT_TRUE(out.at("z").equal(floats({2, 2}, {4, -8, 32, -40})));
}

TEST(Session, SharesMemoryInPlaceAndKnowsItsPeak) {
  Session session(graph_of(kMlp), {.optimize = false});
  const PlanInfo info = session.plan(std::vector<Shape>{Shape{64, 3}});
  EXPECT_EQ(info.steps, 4u);
  // %a, %b and %c are one block of 512 bytes; the last step has 1024 of scratch and the output's own 512.
  EXPECT_EQ(info.arena_bytes, 2048u);
  EXPECT_EQ(info.arena_bytes, info.lower_bound);
  EXPECT_EQ(info.constant_bytes, 40u);
}

TEST(Session, BoundOutputsAreWrittenInPlaceAndOthersComeBack) {
  Session session(graph_of(kMlp));
  const std::vector<Tensor> inputs = {floats({1, 3}, {1, 1, 1})};
  float mine[2] = {};
  TensorView bound[1] = {{DType::kF32, Shape{1, 2}, mine}};
  ASSERT_EQ(failure_of(session.run(inputs, bound)), "ok");
  EXPECT_EQ(mine[0], 36);
  EXPECT_EQ(mine[1], -48);
  TensorView unbound[1];
  ASSERT_EQ(failure_of(session.run(inputs, unbound)), "ok");
  EXPECT_NE(unbound[0].data, mine);
  EXPECT_EQ(unbound[0].shape, (Shape{1, 2}));
  EXPECT_EQ(unbound[0].as<float>()[1], -48);
  ASSERT_EQ(failure_of(session.run(inputs, {})), "ok");
  TensorView wrong[1] = {{DType::kF32, Shape{2, 2}, mine}};
  EXPECT_EQ(failure_of(session.run(inputs, wrong)), "output \"z\": it is f32[1,2], memory was given for f32[2,2]");
}

TEST(Session, PlansOnceForEachShapeAndForgetsTheOldest) {
  Session session(graph_of(kMlp), {.max_plans = 2});
  const auto run = [&](int64_t n) {
    const std::vector<Tensor> inputs = {ramp({n, 3})};
    EXPECT_EQ(session.run(inputs)[0].shape(), (Shape{n, 2}));
    return session.plans_made();
  };
  test::packed_count = 0;
  EXPECT_EQ(run(1), 1u);
  EXPECT_EQ(run(1), 1u);
  EXPECT_EQ(run(2), 2u);
  EXPECT_EQ(run(1), 2u);
  EXPECT_EQ(run(3), 3u);  // 2 goes
  EXPECT_EQ(run(1), 3u);
  EXPECT_EQ(run(2), 4u);
  EXPECT_EQ(run(64), 5u);  // the arena grows
  EXPECT_EQ(run(2), 5u);
  EXPECT_EQ(test::packed_count, 10);  // two a plan: the shapes differ
}

TEST(Session, InputErrorsAreResults) {
  Session session(graph_of(R"(graph g(%a:f32[N,2], %b:f32[N,M], %c:f32[(2*M)]) -> (%z) { %z = test.Add(%a, %b) })"));
  const auto run = [&](std::vector<Tensor> inputs) { return failure_of(session.run(inputs, {})); };
  const Tensor c = ramp({4});
  EXPECT_EQ(run({ramp({3, 2}), ramp({3, 2}), c}), "ok");
  EXPECT_EQ(run({ramp({3, 2})}), "the graph has 3 inputs, 1 were given");
  EXPECT_EQ(run({ramp({3, 3}), ramp({3, 2}), c}), "input \"a\": expected f32[N,2], found f32[3,3]");
  EXPECT_EQ(run({ramp({2}), ramp({3, 2}), c}), "input \"a\": expected f32[N,2], found f32[2]");
  EXPECT_EQ(run({ramp({3, 2}), ramp({4, 2}), c}), "input \"b\": dimension 0 (N) is 4, but input \"a\" makes it 3");
  EXPECT_EQ(run({ramp({3, 2}), ramp({3, 2}), ramp({5})}), "input \"c\": dimension 0 must be 2*M = 4, found 5");
  EXPECT_EQ(run({Tensor(DType::kF64, {3, 2}), ramp({3, 2}), c}), "input \"a\": expected f32[N,2], found f64[3,2]");
  EXPECT_EQ(run({ramp({3, 2}), ramp({3, 2}), c}), "ok");
  EXPECT_THROW(session.run({{"a", c}}), Error);
  try {
    session.run({{"a", c}, {"bb", c}, {"c", c}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.summary(), "there is no input \"bb\"");
  }
}

TEST(Session, NamesEveryNodeThatCannotRun) {
  try {
    Session session(graph_of(R"(graph g(%a:f32[2]) -> (%z) { %y = test.Nothing(%a) as "one" %z = test.Nothing(%y) as "two" })"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_EQ(error.summary(), "no kernel for these 2 nodes: test.Nothing \"one\", test.Nothing \"two\"");
  }
}

TEST(Session, KernelsReportByStatus) {
  Session session(graph_of(R"(graph g(%x:f32[4], %i:i64[K]) -> (%z) { %z = test.Take(%x, %i) as "take" })"));
  const std::vector<Tensor> bad = {ramp({4}), Tensor::of<int64_t>({3}, {0, 9, 7})}, good = {ramp({4}), Tensor::of<int64_t>({3}, {0, 1, 3})};
  const Result result = session.run(bad, {});
  EXPECT_EQ(failure_of(result), "test.Take node \"take\": index out of range (9, 4)");
  EXPECT_EQ(result.node(), "take");
  EXPECT_STREQ(result.status().text, "index out of range");
  EXPECT_EQ(failure_of(session.run(good, {})), "ok");
}

TEST(Session, OutputsThatAreInputsConstantsViewsOrTwice) {
  Session session(graph_of(R"(graph g(%x:f32[2,2]) -> (%x, %k, %v, %s, %s, %t) {
    const %k = f32[1]{7.0}
    const %flat = i64[1]{4}
    %v = test.Reshape(%x, %flat)
    %s = test.Add(%x, %k)
    %t = test.Reshape(%s, %flat)
  })"),
                  {.optimize = false});
  const std::vector<Tensor> out = session.run(std::vector<Tensor>{floats({2, 2}, {1, 2, 3, 4})});
  EXPECT_TRUE(out[0].equal(floats({2, 2}, {1, 2, 3, 4})));
  EXPECT_TRUE(out[1].equal(floats({1}, {7})));
  EXPECT_TRUE(out[2].equal(floats({4}, {1, 2, 3, 4})));
  EXPECT_TRUE(out[3].equal(floats({2, 2}, {8, 9, 10, 11})));
  EXPECT_TRUE(out[4].equal(out[3]));
  EXPECT_TRUE(out[5].equal(floats({4}, {8, 9, 10, 11})));
}

TEST(Session, InPlaceNeverTouchesWhatIsReadLater) {
  // %a dies at %d only; %b and %c must not overwrite it, nor the input.
  Session session(graph_of(R"(graph g(%x:f32[3]) -> (%d) {
    const %one = f32[1]{1.0}
    const %shape = i64[2]{3,1}
    const %back = i64[1]{3}
    %a = test.Add(%x, %one)
    %v = test.Reshape(%a, %shape)
    %b = test.Add(%a, %one)
    %c = test.Add(%b, %b)
    %w = test.Reshape(%v, %back)
    %d = test.Add(%c, %w)
  })"),
                  {.optimize = false});
  const Tensor x = floats({3}, {1, 2, 3});
  const std::vector<Tensor> out = session.run(std::vector<Tensor>{x});
  EXPECT_TRUE(out[0].equal(floats({3}, {8, 11, 14})));
  EXPECT_TRUE(x.equal(floats({3}, {1, 2, 3})));
}

TEST(Session, ShapeArithmeticDoesNotRun) {
  Session session(graph_of(R"(graph g(%x:f32[N,4], %y:f32[(4*N)]) -> (%z) {
    %s = test.ShapeOf(%x)
    %r = test.Reshape(%y, %s)
    %z = test.Add(%x, %r)
  })"),
                  {.optimize = false});
  const std::vector<Tensor> inputs = {ramp({2, 4}), ramp({8})};
  EXPECT_EQ(session.run(inputs)[0].shape(), (Shape{2, 4}));
  const std::vector<Shape> shapes = {Shape{2, 4}, Shape{8}};
  EXPECT_EQ(session.plan(shapes).steps, 1u);
}

TEST(Session, AShapeThatIsAnInputEndsASegment) {
  Session session(graph_of(R"(graph g(%x:f32[8], %to:i64[2]) -> (%z, %a) {
    const %one = f32[1]{1.0}
    %a = test.Add(%x, %one)
    %r = test.Reshape(%a, %to)
    %m = test.Add(%r, %one)
    %z = test.MatMul(%m, %m)
  })"));
  const auto run = [&](int64_t rows, int64_t columns) {
    const std::vector<Tensor> inputs = {ramp({rows * columns}), Tensor::of<int64_t>({2}, {rows, columns})};
    return session.run(inputs, {});
  };
  EXPECT_EQ(failure_of(run(2, 2)), "input \"x\": expected f32[8], found f32[4]");
  const std::vector<Tensor> bad = {ramp({8}), Tensor::of<int64_t>({2}, {2, 4})};
  EXPECT_NE(failure_of(session.run(bad, {})).find("the inner dimensions differ"), std::string::npos);
}

TEST(Session, SegmentsAreKeptByWhatWasSeen) {
  Session session(graph_of(R"(graph g(%x:f32[N], %to:i64[2]) -> (%z, %a) {
    const %one = f32[1]{1.0}
    %a = test.Add(%x, %one)
    %r = test.Reshape(%a, %to)
    %z = test.Add(%r, %one)
  })"));
  const auto run = [&](int64_t rows, int64_t columns) {
    const std::vector<Tensor> inputs = {ramp({rows * columns}), Tensor::of<int64_t>({2}, {rows, columns})};
    const std::vector<Tensor> out = session.run(inputs);
    EXPECT_EQ(out[0].shape(), (Shape{rows, columns}));
    for (int64_t i = 0; i < rows * columns; ++i) {
      EXPECT_EQ(out[0].values<float>()[static_cast<size_t>(i)], inputs[0].values<float>()[static_cast<size_t>(i)] + 2);
      EXPECT_EQ(out[1].values<float>()[static_cast<size_t>(i)], inputs[0].values<float>()[static_cast<size_t>(i)] + 1);
    }
    return session.plans_made();
  };
  EXPECT_EQ(run(2, 4), 2u);
  EXPECT_EQ(run(2, 4), 2u);
  EXPECT_EQ(run(4, 2), 3u);
  EXPECT_EQ(run(2, 4), 3u);
  EXPECT_EQ(run(100, 20), 5u);
  EXPECT_EQ(run(4, 2), 5u);
  const std::vector<Tensor> wrong = {ramp({8}), Tensor::of<int64_t>({2}, {3, 3})};
  EXPECT_FALSE(session.run(wrong, {}).ok());
  EXPECT_EQ(run(4, 2), 5u);
}

TEST(Session, AValueThatFitsNowhereIsAnError) {
  Session session(parse(R"(graph g(%x:f32[1], %to:i64[3]) -> (%y) { %y = test.Fill(%x, %to) as "fill" })", test::lookup));
  const std::vector<Tensor> large = {ramp({1}), Tensor::of<int64_t>({3}, {1 << 20, 1 << 20, 1 << 20})};
  EXPECT_EQ(failure_of(session.run(large, {})), "test.Fill node \"fill\": its output [1048576,1048576,1048576] does not fit into any memory");
  const std::vector<Tensor> overflow = {ramp({1}), Tensor::of<int64_t>({3}, {int64_t{1} << 40, int64_t{1} << 40, 1})};
  EXPECT_FALSE(session.run(overflow, {}).ok());
  const std::vector<Tensor> negative = {ramp({1}), Tensor::of<int64_t>({3}, {2, -3, 1})};
  EXPECT_FALSE(session.run(negative, {}).ok());
  const std::vector<Tensor> fine = {ramp({1}), Tensor::of<int64_t>({3}, {2, 3, 1})};
  EXPECT_EQ(session.run(fine)[0].shape(), (Shape{2, 3, 1}));
}

TEST(Session, OperatorsThatProduceTheirOutputs) {
  Session session(graph_of(R"(graph g(%x:f32[6]) -> (%z, %i) {
    const %one = f32[1]{1.0}
    %a = test.Add(%x, %one)
    %i = test.NonZero(%a)
    %t = test.Take(%a, %i)
    %z = test.Add(%t, %one)
  })"));
  EXPECT_TRUE(session.run(std::vector<Tensor>{floats({6}, {-1, 4, -1, 5, 6, -1})})[0].equal(floats({3}, {6, 7, 8})));
  EXPECT_EQ(session.plans_made(), 2u);
  EXPECT_TRUE(session.run(std::vector<Tensor>{floats({6}, {4, -1, -1, 5, -1, 9})})[0].equal(floats({3}, {6, 7, 11})));
  EXPECT_EQ(session.plans_made(), 2u);
  const std::vector<Tensor> none = session.run(std::vector<Tensor>{floats({6}, {-1, -1, -1, -1, -1, -1})});
  EXPECT_EQ(none[0].shape(), (Shape{0}));
  EXPECT_EQ(none[1].shape(), (Shape{0}));
  const std::vector<Tensor> nan = {floats({6}, {0, 0, NAN, 0, 0, 0})};
  EXPECT_EQ(failure_of(session.run(nan, {})), "test.NonZero node \"i\": a value that is not a number (2, 0)");
}

TEST(Session, AnyNumberOfThreadsGivesTheSameBytes) {
  const Tensor x = ramp({33, 3}, 0.37f);
  Session one(graph_of(kMlp), {.threads = 1});
  const std::vector<Tensor> expected = one.run(std::vector<Tensor>{x});
  for (const int threads : {2, 5}) {
    Session session(graph_of(kMlp), {.threads = threads});
    EXPECT_TRUE(session.run(std::vector<Tensor>{x})[0].equal(expected[0])) << threads;
  }
}

TEST(Session, SessionsShareAGraphAndAPool) {
  const std::shared_ptr<const Graph> graph = prepare(graph_of(kMlp));
  const auto pool = std::make_shared<ThreadPool>(2);
  Session a(graph, {.pool = pool, .optimize = false}), b(graph, {.pool = pool, .optimize = false});
  EXPECT_EQ(&a.graph(), &b.graph());
  const std::vector<Tensor> x = {ramp({5, 3})};
  EXPECT_TRUE(a.run(x)[0].equal(b.run(x)[0]));
}

TEST(Session, ProfilesEveryStep) {
  Session session(graph_of(kMlp), {.profile = true});
  const std::vector<Tensor> x = {ramp({5, 3})};
  for (int i = 0; i < 3; ++i) session.run(x);
  const Profiler& profiler = session.profiler();
  EXPECT_EQ(profiler.runs(), 3);
  const std::vector<ProfileRow> rows = profiler.by_node({.f32 = 100});
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].op, "test.MatMul");
  EXPECT_EQ(rows[0].shapes, "f32[5,2]");
  EXPECT_EQ(rows[0].calls, 3);
  EXPECT_NEAR(rows[0].share_of_peak, rows[0].gflops / 100, 1e-12);
  EXPECT_EQ(profiler.by_node()[0].share_of_peak, 0);
  double share = 0;
  for (const ProfileRow& row : rows) share += row.share;
  EXPECT_NEAR(share, 1, 1e-12);
  const std::vector<ProfileRow> operators = profiler.by_operator();
  ASSERT_EQ(operators.size(), 2u);
  EXPECT_EQ(operators[0].nodes, 2);
  EXPECT_EQ(operators[0].calls, 6);
  EXPECT_EQ(profiler.steps()[0].operations, 2 * 5 * 2 * 3);
  const std::string trace = profiler.chrome_trace();
  EXPECT_NE(trace.find("\"ph\":\"X\""), std::string::npos);
  EXPECT_NE(trace.find("\"output\":\"f32[5,2]\""), std::string::npos);
}

}  // namespace
}  // namespace omni::runtime
