// RunLimits: a model that asks for more than it may have is refused, at once and by what it asked for.
#include <gtest/gtest.h>

#include "ops/op_list.h"
#include "runtime/executor.h"

namespace omni::runtime {
namespace {

Session session_of(const char* text, RunLimits limits) { return Session(parse(text, ops::find_op), {.threads = 1, .limits = limits}); }

std::string failure_of(Session& session, const std::vector<Tensor>& inputs) {
  std::vector<TensorView> views;
  const Result result = session.run(inputs, views);
  return result.ok() ? "ok" : result.message();
}

TEST(RunLimits, SizesThatAnInputAsksFor) {
  constexpr char kExpand[] = "graph g(%x:f32[1], %n:i64[1]) -> (%y) { %y = Expand(%x, %n) }";
  Session s = session_of(kExpand, {.value_bytes = 1 << 20});
  const Tensor x = Tensor::of<float>(Shape{1}, {2});
  EXPECT_EQ(failure_of(s, {x, Tensor::of<int64_t>(Shape{1}, {1000})}), "ok");
  EXPECT_NE(failure_of(s, {x, Tensor::of<int64_t>(Shape{1}, {int64_t{1} << 40})}).find("beyond the limit of 1048576 bytes"), std::string::npos);
  EXPECT_EQ(failure_of(s, {x, Tensor::of<int64_t>(Shape{1}, {1000})}), "ok");
}

TEST(RunLimits, Operations) {
  constexpr char kProduct[] = "graph g(%x:f32[N,N]) -> (%y) { %y = MatMul(%x, %x) }";
  Session s = session_of(kProduct, {.operations = 100000});
  EXPECT_EQ(failure_of(s, {Tensor(DType::kF32, Shape{32, 32})}), "ok");  // 65536 and a bit
  EXPECT_NE(failure_of(s, {Tensor(DType::kF32, Shape{64, 64})}).find("more than 100000 operations"), std::string::npos);
}

// An endless loop of loops, each far below the number of body runs that one node may have.
TEST(RunLimits, OperationsOfBodiesCountTogether) {
  constexpr char kLoops[] = R"(graph g(%m:i64[], %x:f32[]) -> (%y) {
    %y = Loop(%m, _, %x, %m) body 1 graph outer(%i:i64[], %c:bool[], %v:f32[], %m:i64[]) -> (%c, %next) {
      %next = Loop(%m, _, %v) body 0 graph inner(%k:i64[], %d:bool[], %w:f32[]) -> (%d, %more) {
        %more = Add(%w, %w)
      }
    }
  })";
  Session s = session_of(kLoops, {.operations = 1000000});
  EXPECT_EQ(failure_of(s, {Tensor::scalar<int64_t>(3), Tensor::scalar<float>(1)}), "ok");
  EXPECT_NE(failure_of(s, {Tensor::scalar<int64_t>(1000), Tensor::scalar<float>(1)}).find("more than 1000000 operations"), std::string::npos);
  EXPECT_EQ(failure_of(s, {Tensor::scalar<int64_t>(3), Tensor::scalar<float>(1)}), "ok");
}

size_t segments_behind(const Segment& segment) {
  size_t count = segment.next.size();
  for (const Segment::Next& next : segment.next) count += segments_behind(*next.segment);
  return count;
}

// Four counts that the data decide, each in eight ways: without a bound over all of them 8 + 64 + 512 + 4096 segments would be kept.
TEST(RunLimits, PlansThatForkWithTheData) {
  constexpr char kCounts[] = R"(graph g(%a:f32[8], %b:f32[8], %c:f32[8], %d:f32[8]) -> (%i, %j, %k, %l) {
    %i = NonZero(%a)
    %j = NonZero(%b)
    %k = NonZero(%c)
    %l = NonZero(%d)
  })";
  Executor executor(std::make_shared<const Graph>(parse(kCounts, ops::find_op)), {.threads = 1});
  const auto with = [](uint64_t count) {
    Tensor t(DType::kF32, Shape{8});
    for (uint64_t i = 0; i < count; ++i) t.mutable_values<float>()[i] = 1;
    return t;
  };
  for (uint64_t run = 0; run < 4096; ++run) {
    std::vector<Tensor> inputs, results;
    for (int i = 0; i < 4; ++i) inputs.push_back(with(run >> (3 * i) & 7));
    executor.run(inputs, {}, &results).check();
    for (size_t i = 0; i < 4; ++i) ASSERT_EQ(results[i].shape(), (Shape{1, static_cast<int64_t>(run >> (3 * i) & 7)}));
    ASSERT_LE(segments_behind(*executor.plans.front()->first), 16 * 8u);
  }
}

}  // namespace
}  // namespace omni::runtime
