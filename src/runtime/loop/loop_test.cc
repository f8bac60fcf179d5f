// Batches and the step loop.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"
#include "runtime/loop/step_loop.h"
#include "runtime/test_ops_test.h"

namespace omni::runtime {
namespace {

TensorSource numbers(int64_t n) {
  Tensor x(DType::kF32, {n, 2}), t(DType::kI64, {n});
  for (int64_t i = 0; i < n; ++i) {
    x.mutable_values<float>()[static_cast<size_t>(2 * i)] = static_cast<float>(i);
    x.mutable_values<float>()[static_cast<size_t>(2 * i + 1)] = static_cast<float>(-i);
    t.mutable_values<int64_t>()[static_cast<size_t>(i)] = i;
  }
  return TensorSource({"x", "t"}, {x, t});
}

std::vector<int64_t> labels_of_epoch(Batches& batches, uint64_t epoch, int64_t first = 0) {
  std::vector<int64_t> seen;
  batches.start(epoch, first);
  while (batches.next()) {
    const Tensor& t = batches.fields()[1];
    EXPECT_EQ(t.count(), batches.samples());
    for (const int64_t v : t.values<int64_t>()) seen.push_back(v);
    for (int64_t i = 0; i < t.count(); ++i) {
      EXPECT_EQ(batches.fields()[0].values<float>()[static_cast<size_t>(2 * i)], static_cast<float>(t.values<int64_t>()[static_cast<size_t>(i)]));
    }
  }
  return seen;
}

TEST(Batches, InOrderWithASmallerLastOne) {
  const TensorSource source = numbers(10);
  Batches batches(source, {.batch = 4});
  EXPECT_EQ(batches.per_epoch(), 3);
  EXPECT_EQ(labels_of_epoch(batches, 0), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(batches.fields()[0].shape(), (Shape{2, 2}));
  EXPECT_EQ(labels_of_epoch(batches, 1).size(), 10u);
  Batches full(source, {.batch = 4, .drop_last = true});
  EXPECT_EQ(labels_of_epoch(full, 0).size(), 8u);
  Batches larger(source, {.batch = 40});
  EXPECT_EQ(labels_of_epoch(larger, 0).size(), 10u);
}

TEST(Batches, ShuffledByEpochAndResumedAnywhere) {
  const TensorSource source = numbers(10);
  Batches a(source, {.batch = 3, .shuffle = true, .seed = 5}), b(source, {.batch = 3, .shuffle = true, .seed = 5});
  const std::vector<int64_t> first = labels_of_epoch(a, 0), second = labels_of_epoch(a, 1);
  EXPECT_NE(first, second);
  EXPECT_EQ(labels_of_epoch(b, 1), second);
  const std::vector<int64_t> rest = labels_of_epoch(b, 1, 2);
  EXPECT_EQ(rest, std::vector<int64_t>(second.begin() + 6, second.end()));
  std::vector<int64_t> sorted = first;
  std::sort(sorted.begin(), sorted.end());
  for (int64_t i = 0; i < 10; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
}

TEST(Batches, RefusesWhatCannotBe) {
  const TensorSource source = numbers(3);
  EXPECT_THROW(Batches(source, {.batch = 0}), Error);
  EXPECT_THROW(TensorSource({"a", "b"}, {Tensor(DType::kF32, {3}), Tensor(DType::kF32, {4})}), Error);
  EXPECT_THROW(TensorSource({"a"}, {Tensor(DType::kF32, Shape{})}), Error);
}

TEST(StepLoop, SumsMetricsOverUnequalBatches) {
  // The mean of a batch is the product with a row of 1/n, which the test gives as a setting of each step.
  Session session(parse(R"(graph g(%x:f32[N,2], %row:f32[1,N], %lr:f32[]) -> (%mean, %sum) {
    const %pick = f32[2,1]{1.0,0.0}
    const %one = i64[1]{1}
    %y = test.MatMul(%x, %pick)
    %m = test.MatMul(%row, %y)
    %mean = test.Reshape(%m, %one)
    %sum = test.Add(%mean, %lr)
  })",
                        test::lookup));
  const TensorSource source = numbers(10);
  Batches batches(source, {.batch = 4});
  StepLoop loop(session, batches);
  loop.track("mean", MetricKind::kMean);
  loop.track("sum", MetricKind::kTotal);
  loop.set("lr", 0.5f);
  EXPECT_THROW(loop.track("maen", MetricKind::kMean), Error);
  EXPECT_THROW(loop.set("lrate", 0.5f), Error);
  EXPECT_THROW(loop.step(), Error) << "nobody set row";
  const auto row = [](int64_t n) {
    Tensor t(DType::kF32, {1, n});
    for (float& v : t.mutable_values<float>()) v = 1.0f / static_cast<float>(n);
    return t;
  };
  loop.start(0);
  for (const int64_t n : {4, 4, 2}) {
    loop.set("row", row(n));
    EXPECT_TRUE(loop.step());
  }
  EXPECT_FALSE(loop.step());
  EXPECT_EQ(loop.metric("mean").count, 10);
  EXPECT_NEAR(loop.metric("mean").mean(), 4.5, 1e-6);
  EXPECT_EQ(loop.metric("sum").count, 3);
  EXPECT_NEAR(loop.metric("sum").sum, (1.5 + 0.5) + (5.5 + 0.5) + (8.5 + 0.5), 1e-5);
  const std::vector<MetricSum> saved = loop.metrics();
  loop.start(1);
  EXPECT_EQ(loop.metric("mean").count, 0);
  loop.restore(saved);
  EXPECT_EQ(loop.metric("mean").count, 10);
}

TEST(StepLoop, ChecksElementTypes) {
  Session session(parse("graph g(%t:f32[N]) -> (%y) { %y = test.Add(%t, %t) }", test::lookup));
  const TensorSource source = numbers(4);
  Batches batches(source, {.batch = 2});
  try {
    StepLoop loop(session, batches);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "input \"t\": it takes f32, field \"t\" of the data is i64");
  }
  StepLoop other(session, batches, {{"t", "x"}});
  EXPECT_THROW(other.step(), Error) << "rank 2 where the graph has 1";
}

}  // namespace
}  // namespace omni::runtime
