#include "kernels/reduce/reduce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "core/half.h"

namespace omni::kernels {
namespace {

using core::DType;
using core::Isa;
using core::Shape;

struct Case {
  Shape shape;
  std::vector<int> axes;
};

std::vector<Case> cases() {
  return {{{7}, {0}},
          {{3, 5}, {1}},
          {{3, 5}, {0}},
          {{2, 3, 37}, {2}},
          {{2, 3, 37}, {0, 2}},
          {{2, 3, 37}, {1}},
          {{4, 5, 6, 7}, {1, 3}},
          {{4, 5, 6, 7}, {0, 2}},
          {{4, 5, 6, 7}, {0, 1, 2, 3}},
          {{2, 300}, {0}},
          {{1, 1, 1}, {1}},
          {{}, {}},
          {{3, 4}, {}},
          {{100000}, {0}},
          {{20000, 10}, {0}},
          {{10, 20000}, {1}},
          {{3, 40000}, {0, 1}},
          {{2, 0}, {1}},
          {{64, 20, 12, 12}, {0, 2, 3}},
          {{2, 3, 2, 3, 2, 3}, {0, 2, 4}},
          {{9000, 17}, {0}},
          {{0, 3}, {1}},
          {{3, 0}, {0}},
          {{5, 1, 6}, {1}},
          {{16, 20000, 2}, {0, 2}}};
}

// One result from its elements, in double and in plain order.
double truth(ReduceOp op, const std::vector<double>& x) {
  double a = op == ReduceOp::kProd ? 1 : op == ReduceOp::kMax ? -INFINITY : op == ReduceOp::kMin ? INFINITY : 0, biggest = -INFINITY;
  for (const double v : x) biggest = std::max(biggest, v);
  for (const double v : x) {
    switch (op) {
      case ReduceOp::kProd: a *= v; break;
      case ReduceOp::kMax: a = std::max(a, v); break;
      case ReduceOp::kMin: a = std::min(a, v); break;
      case ReduceOp::kL1: a += std::fabs(v); break;
      case ReduceOp::kL2:
      case ReduceOp::kSumSquare: a += v * v; break;
      case ReduceOp::kLogSumExp: a += std::exp(v - biggest); break;
      default: a += v;
    }
  }
  if (op == ReduceOp::kMean) return a / static_cast<double>(x.size());
  if (op == ReduceOp::kL2) return std::sqrt(a);
  if (op == ReduceOp::kLogSum) return std::log(a);
  if (op == ReduceOp::kLogSumExp) return x.empty() ? -INFINITY : std::log(a) + biggest;
  return a;
}

template <class T>
std::vector<std::vector<double>> groups(const Case& c, const std::vector<T>& x) {
  bool reduced[8] = {};
  for (const int a : c.axes) reduced[a] = true;
  int64_t outputs = 1;
  for (int d = 0; d < c.shape.rank(); ++d) outputs *= reduced[d] ? 1 : c.shape[d];
  std::vector<std::vector<double>> result(static_cast<size_t>(outputs));
  for (int64_t i = 0; i < c.shape.count(); ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int d = c.shape.rank() - 1; d >= 0; --d) {
      if (!reduced[d]) {
        at += rest % c.shape[d] * step;
        step *= c.shape[d];
      }
      rest /= c.shape[d];
    }
    result[static_cast<size_t>(at)].push_back(static_cast<double>(x[static_cast<size_t>(i)]));
  }
  return result;
}

TEST(Reduce, EveryOperatorAxisIsaAndThread) {
  core::ThreadPool one(1), two(2), five(5);
  for (const Case& c : cases()) {
    std::vector<float> x(static_cast<size_t>(c.shape.count()) + 1);
    for (size_t i = 0; i < x.size(); ++i) x[i] = 1.0f + 0.25f * static_cast<float>(std::sin(static_cast<double>(i) * 1.7));
    const float* data = x.data();
    const auto parts = groups(c, std::vector<float>(x.begin(), x.end() - 1));
    for (int code = 0; code < kReduceOps; ++code) {
      const ReduceOp op = static_cast<ReduceOp>(code);
      for (const Isa isa : core::available_isas()) {
        const ReducePlan plan = plan_reduce(op, c.shape, c.axes, DType::kF32, isa);
        ASSERT_TRUE(plan);
        ASSERT_EQ(plan.outputs, static_cast<int64_t>(parts.size()));
        std::vector<std::byte> scratch(reduce_scratch_bytes(plan));
        std::vector<float> y(parts.size() + 1, 77);
        run_reduce(plan, data, y.data(), scratch.data(), one);
        EXPECT_EQ(y.back(), 77);
        for (size_t i = 0; i < parts.size(); ++i) {
          const double expected = truth(op, parts[i]);
          if (std::isinf(static_cast<float>(expected)) || std::isnan(expected)) {
            ASSERT_TRUE(y[i] == static_cast<float>(expected) || (std::isnan(y[i]) && std::isnan(expected))) << code << " " << c.shape.text() << y[i];
          } else {
            ASSERT_NEAR(y[i], expected, std::fabs(expected) * 1.3e-7 + (op == ReduceOp::kLogSum ? 1e-7 : 1e-40))
                << code << " " << c.shape.text() << " " << core::isa_name(isa);
          }
        }
        for (core::ThreadPool* pool : {&two, &five}) {
          std::vector<float> again(y.size(), 77);
          run_reduce(plan, data, again.data(), scratch.data(), *pool);
          ASSERT_EQ(std::memcmp(y.data(), again.data(), y.size() * 4), 0) << code << " " << c.shape.text();
        }
      }
    }
  }
}

TEST(Reduce, NanIsKept) {
  core::ThreadPool pool(1);
  std::vector<float> x(40, 1);
  x[17] = std::numeric_limits<float>::quiet_NaN();
  for (const Isa isa : core::available_isas()) {
    for (const ReduceOp op : {ReduceOp::kMax, ReduceOp::kMin, ReduceOp::kSum, ReduceOp::kLogSumExp}) {
      float y = 0;
      const int axes[] = {0};
      run_reduce(plan_reduce(op, Shape{40}, axes, DType::kF32, isa), x.data(), &y, nullptr, pool);
      EXPECT_TRUE(std::isnan(y)) << core::isa_name(isa);
      std::vector<float> columns(20);
      run_reduce(plan_reduce(op, Shape{2, 20}, axes, DType::kF32, isa), x.data(), columns.data(), nullptr, pool);
      EXPECT_TRUE(std::isnan(columns[17]));
      EXPECT_FALSE(std::isnan(columns[16]));
    }
  }
}

TEST(Reduce, HalfAndIntegers) {
  core::ThreadPool pool(2);
  const int axes[] = {1};
  std::vector<uint16_t> x(3 * 1000), y(3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = core::f32_to_f16(static_cast<float>(i % 7));
  for (const Isa isa : core::available_isas()) {
    run_reduce(plan_reduce(ReduceOp::kMean, Shape{3, 1000}, axes, DType::kF16, isa), x.data(), y.data(), nullptr, pool);
    for (size_t r = 0; r < 3; ++r) {
      double sum = 0;
      for (size_t i = 0; i < 1000; ++i) sum += static_cast<double>((r * 1000 + i) % 7);
      EXPECT_EQ(y[r], core::f32_to_f16(static_cast<float>(sum / 1000)));
    }
    std::vector<uint16_t> z(1000);
    const int first[] = {0};
    run_reduce(plan_reduce(ReduceOp::kMax, Shape{3, 1000}, first, DType::kF16, isa), x.data(), z.data(), nullptr, pool);
    for (size_t i = 0; i < 1000; ++i) EXPECT_EQ(core::f16_to_f32(z[i]), std::max({i % 7, (i + 1000) % 7, (i + 2000) % 7}));
  }
  const int64_t values[] = {5, -3, 9, INT64_MAX, 1, 1};
  int64_t result[2];
  run_reduce(plan_reduce(ReduceOp::kMin, Shape{2, 3}, axes, DType::kI64, Isa::kScalar), values, result, nullptr, pool);
  EXPECT_EQ(result[0], -3);
  EXPECT_EQ(result[1], 1);
  run_reduce(plan_reduce(ReduceOp::kSum, Shape{2, 3}, axes, DType::kI64, Isa::kScalar), values, result, nullptr, pool);
  EXPECT_EQ(result[0], 11);
  EXPECT_EQ(result[1], INT64_MIN + 1);
  run_reduce(plan_reduce(ReduceOp::kL1, Shape{2, 3}, axes, DType::kI64, Isa::kScalar), values, result, nullptr, pool);
  EXPECT_EQ(result[0], 17);
  EXPECT_FALSE(plan_reduce(ReduceOp::kL2, Shape{2, 3}, axes, DType::kI64, Isa::kScalar));
}

TEST(Reduce, LogSumExpDoesNotOverflow) {
  core::ThreadPool pool(1);
  const int axes[] = {0};
  const float x[] = {1000, 1000, -INFINITY, 900}, empty[] = {-INFINITY, -INFINITY};
  float y;
  run_reduce(plan_reduce(ReduceOp::kLogSumExp, Shape{4}, axes, DType::kF32, Isa::kScalar), x, &y, nullptr, pool);
  EXPECT_FLOAT_EQ(y, 1000 + std::log(2.0f));
  run_reduce(plan_reduce(ReduceOp::kLogSumExp, Shape{2}, axes, DType::kF32, Isa::kScalar), empty, &y, nullptr, pool);
  EXPECT_EQ(y, -INFINITY);
}

TEST(ArgReduce, FirstLastSmallestNan) {
  core::ThreadPool pool(2);
  const float x[] = {1, 7, 7, 2, NAN, 7, 3, 3, 3, 0, 1, 0};  // [2, 3, 2]
  int64_t y[4];
  ArgReduceArgs args{2, 3, 2};
  run_arg_reduce(args, x, y, pool);
  EXPECT_EQ((std::vector<int64_t>(y, y + 4)), (std::vector<int64_t>{2, 0, 0, 0}));
  args.last = true;
  run_arg_reduce(args, x, y, pool);
  EXPECT_EQ((std::vector<int64_t>(y, y + 4)), (std::vector<int64_t>{2, 2, 1, 0}));
  args.smallest = true;
  run_arg_reduce(args, x, y, pool);
  EXPECT_EQ((std::vector<int64_t>(y, y + 4)), (std::vector<int64_t>{2, 1, 2, 2}));
}

}  // namespace
}  // namespace omni::kernels
