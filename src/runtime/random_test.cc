// Random operators: their distributions, and when their values repeat.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_list.h"
#include "runtime/session.h"

namespace omni::runtime {
namespace {

std::vector<double> values_of(const char* text, const std::vector<Tensor>& inputs = {}) {
  return to_double(Session(parse(text, ops::find_op), {.threads = 2}).run(inputs)[0]);
}

struct Moments {
  double mean = 0, deviation = 0;
};

Moments moments(const std::vector<double>& v) {
  Moments m;
  for (const double x : v) m.mean += x / static_cast<double>(v.size());
  for (const double x : v) m.deviation += (x - m.mean) * (x - m.mean) / static_cast<double>(v.size());
  m.deviation = std::sqrt(m.deviation);
  return m;
}

constexpr char kNormal[] = "graph g() -> (%y) { %y = RandomNormal() shape=[100,1000] mean=3.0 scale=2.0 seed=1.0 as \"n\" }";

// Five deviations of the mean of 100,000 draws.
TEST(Random, Distributions) {
  const Moments normal = moments(values_of(kNormal));
  EXPECT_NEAR(normal.mean, 3, 5 * 2 / std::sqrt(1e5));
  EXPECT_NEAR(normal.deviation, 2, 0.03);
  const std::vector<double> uniform = values_of("graph g() -> (%y) { %y = RandomUniform() shape=[100000] low=-1.0 high=3.0 dtype=11 }");
  EXPECT_NEAR(moments(uniform).mean, 1, 5 * 4 / std::sqrt(12e5));
  EXPECT_NEAR(moments(uniform).deviation, 4 / std::sqrt(12.0), 0.02);
  for (const double v : uniform) ASSERT_TRUE(v >= -1 && v < 3);
  const Tensor p = from_double(DType::kF32, Shape{100000}, std::vector<double>(100000, 0.25));
  EXPECT_NEAR(moments(values_of("graph g(%p:f32[N]) -> (%y) { %y = Bernoulli(%p) dtype=9 }", {p})).mean, 0.25, 5 * 0.433 / std::sqrt(1e5));
  // Classes by e^0 : e^1 : e^-inf.
  const Tensor logits = Tensor::of<float>(Shape{1, 3}, {0, 1, -INFINITY});
  const std::vector<double> drawn = values_of("graph g(%x:f32[1,3]) -> (%y) { %y = Multinomial(%x) sample_size=100000 dtype=7 }", {logits});
  EXPECT_NEAR(moments(drawn).mean, 1 / (1 + std::exp(-1.0)), 5 * 0.45 / std::sqrt(1e5));
  for (const double v : drawn) ASSERT_TRUE(v == 0 || v == 1);
}

TEST(Random, ASessionRepeatsAnotherAndARunDoesNotRepeatTheLast) {
  Session a(parse(kNormal, ops::find_op), {.threads = 1}), b(parse(kNormal, ops::find_op), {.threads = 2});
  const Tensor first = a.run(std::vector<Tensor>{})[0], second = a.run(std::vector<Tensor>{})[0];
  EXPECT_FALSE(first.equal(second));
  EXPECT_TRUE(first.equal(b.run(std::vector<Tensor>{})[0]));
  EXPECT_TRUE(second.equal(b.run(std::vector<Tensor>{})[0]));
}

TEST(Random, NodesAndSeedsHaveStreamsOfTheirOwn) {
  Session s(parse(R"(graph g(%x:f32[50]) -> (%a, %b, %c) {
    %a = RandomNormalLike(%x)
    %b = RandomNormalLike(%x)
    %c = RandomNormalLike(%x) seed=4.0
  })",
                  ops::find_op),
            {.threads = 1});
  const std::vector<Tensor> out = s.run(std::vector<Tensor>{Tensor(DType::kF32, Shape{50})});
  EXPECT_FALSE(out[0].equal(out[1]));
  EXPECT_FALSE(out[0].equal(out[2]));
}

TEST(Random, ALoopDrawsAnewInEveryIteration) {
  Session s(parse(R"(graph g(%m:i64[], %x:f32[8]) -> (%last, %all) {
    %last, %all = Loop(%m, _, %x) body 0 graph body(%i:i64[], %go:bool[], %v:f32[8]) -> (%more, %next, %noise) {
      %more = Identity(%go)
      %noise = RandomNormalLike(%v)
      %next = Add(%v, %noise)
    }
  })",
                  ops::find_op),
            {.threads = 1});
  const Tensor all = s.run(std::vector<Tensor>{Tensor::scalar(int64_t{2}), Tensor(DType::kF32, Shape{8})})[1];
  ASSERT_EQ(all.shape(), (Shape{2, 8}));
  EXPECT_NE(all.values<float>()[0], all.values<float>()[8]);
}

TEST(Random, ProbabilitiesOutsideAreFailures) {
  EXPECT_THROW(values_of("graph g(%p:f32[1]) -> (%y) { %y = Bernoulli(%p) }", {Tensor::of<float>(Shape{1}, {1.5f})}), Error);
  EXPECT_THROW(values_of("graph g(%p:f32[1]) -> (%y) { %y = Bernoulli(%p) }", {Tensor::of<float>(Shape{1}, {NAN})}), Error);
  EXPECT_THROW(values_of("graph g(%x:f32[1,2]) -> (%y) { %y = Multinomial(%x) }", {Tensor::of<float>(Shape{1, 2}, {-INFINITY, -INFINITY})}), Error);
}

}  // namespace
}  // namespace omni::runtime
