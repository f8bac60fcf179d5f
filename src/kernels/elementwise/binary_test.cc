#include "kernels/elementwise/binary.h"

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

// Position of result i in an operand of that shape, by plain index arithmetic.
int64_t source_index(int64_t i, const Shape& out, const Shape& operand) {
  int64_t index = 0, step = 1;
  for (int d = 1; d <= out.rank(); ++d) {
    const int64_t at = i % out[-d];
    i /= out[-d];
    if (d <= operand.rank()) {
      if (operand[-d] != 1) index += at * step;
      step *= operand[-d];
    }
  }
  return index;
}

double truth(BinaryOp op, double a, double b) {
  switch (op) {
    case BinaryOp::kAdd: return a + b;
    case BinaryOp::kSub: return a - b;
    case BinaryOp::kMul: return a * b;
    case BinaryOp::kDiv: return a / b;
    case BinaryOp::kMax: return std::isnan(a) || std::isnan(b) ? NAN : std::max(a, b);
    case BinaryOp::kMin: return std::isnan(a) || std::isnan(b) ? NAN : std::min(a, b);
    case BinaryOp::kPRelu: return a < 0 ? a * b : a;
    case BinaryOp::kMaskPositive: return b > 0 ? a : 0;
    case BinaryOp::kEqual: return a == b;
    case BinaryOp::kLess: return a < b;
    case BinaryOp::kLessOrEqual: return a <= b;
    case BinaryOp::kGreater: return a > b;
    case BinaryOp::kGreaterOrEqual: return a >= b;
    case BinaryOp::kPow: return std::pow(a, b);
    case BinaryOp::kMod: return a - b * std::floor(a / b);
    case BinaryOp::kFmod: return std::fmod(a, b);
    default: return 0;
  }
}

struct Shapes {
  Shape a, b;
};
const Shapes kShapes[] = {{{7}, {7}},           {{3, 5, 4}, {3, 5, 4}},
                          {{2, 3, 33}, {33}},   {{2, 3, 33}, {3, 1}},
                          {{}, {37}},           {{45}, {}},
                          {{4, 1, 6}, {5, 1}},  {{2, 3, 4, 5}, {3, 1, 1}},
                          {{1}, {1}},           {{}, {}},
                          {{200, 20}, {20}},    {{20}, {200, 20}},
                          {{16, 1}, {1, 19}},   {{2, 1, 3, 1}, {1, 4, 1, 5}},
                          {{0, 3}, {3}},        {{70000}, {70000}},
                          {{9, 64}, {9, 1}},    {{1000, 3}, {1000, 1}},
                          {{500, 64}, {1, 64}}, {{3, 1, 17}, {3, 9, 17}}};

TEST(Binary, FloatsBroadcastEveryIsaAndThreads) {
  core::ThreadPool one(1), two(2), five(5);
  core::StatusSlot status;
  for (int code = 0; code <= static_cast<int>(BinaryOp::kFmod); ++code) {
    const BinaryOp op = static_cast<BinaryOp>(code);
    if (op == BinaryOp::kPowDouble) continue;
    for (const Shapes& s : kShapes) {
      const Shape out = *core::broadcast(s.a, s.b);
      std::vector<float> a(static_cast<size_t>(s.a.count())), b(static_cast<size_t>(s.b.count()));
      for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>((i * 37) % 19) * 0.5f - 4.0f;
      for (size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>((i * 29) % 17) * 0.5f - 3.75f;
      if (a.size() > 5) a[5] = std::numeric_limits<float>::quiet_NaN();
      if (op == BinaryOp::kPow) {
        for (float& v : a) v = std::fabs(v);
      }
      const Shape operands[] = {s.a, s.b};
      const BroadcastPlan plan = plan_broadcast(operands, out);
      for (const Isa isa : core::available_isas()) {
        const BinaryKernel kernel = select_binary(op, DType::kF32, isa);
        ASSERT_TRUE(kernel);
        const size_t size = core::dtype_size(kernel.output), bytes = static_cast<size_t>(out.count()) * size;
        std::vector<char> first(bytes + 1, 77);
        run_binary(kernel, plan, a.data(), b.data(), first.data(), one, status);
        EXPECT_EQ(first.back(), 77);
        for (int64_t i = 0; i < out.count(); ++i) {
          const double expected = truth(op, a[static_cast<size_t>(source_index(i, out, s.a))], b[static_cast<size_t>(source_index(i, out, s.b))]);
          float got;
          if (size == 1) {
            got = first[static_cast<size_t>(i)];
          } else {
            std::memcpy(&got, first.data() + i * 4, 4);
          }
          if (std::isnan(expected)) {
            ASSERT_TRUE(std::isnan(got)) << code;
          } else if (std::isinf(expected)) {
            ASSERT_EQ(got, expected) << code;
          } else {
            ASSERT_NEAR(got, expected, std::fabs(expected) * 6e-7) << code << " " << out.text() << " " << core::isa_name(isa) << " at " << i;
          }
        }
        for (core::ThreadPool* pool : {&two, &five}) {
          std::vector<char> again(bytes + 1, 77);
          run_binary(kernel, plan, a.data(), b.data(), again.data(), *pool, status);
          ASSERT_EQ(first, again);
        }
      }
    }
  }
  EXPECT_TRUE(status.status().ok());
}

template <class T>
std::vector<T> run_same(BinaryOp op, std::vector<T> a, std::vector<T> b, core::StatusSlot& status) {
  core::ThreadPool pool(1);
  const Shape shape{static_cast<int64_t>(a.size())};
  const Shape operands[] = {shape, shape};
  std::vector<T> y(a.size());
  const BinaryKernel kernel = select_binary(op, core::dtype_of<T>, Isa::kScalar);
  EXPECT_TRUE(kernel);
  run_binary(kernel, plan_broadcast(operands, shape), a.data(), b.data(), y.data(), pool, status);
  return y;
}

TEST(Binary, IntegersWrapAndReportDivisionByZero) {
  core::StatusSlot status;
  EXPECT_EQ(run_same<int8_t>(BinaryOp::kAdd, {127, -128}, {1, -1}, status), (std::vector<int8_t>{-128, 127}));
  EXPECT_EQ(run_same<uint16_t>(BinaryOp::kMul, {65535}, {65535}, status), (std::vector<uint16_t>{1}));
  EXPECT_EQ(run_same<int64_t>(BinaryOp::kDiv, {-7, 7, INT64_MIN}, {2, -2, -1}, status), (std::vector<int64_t>{-3, -3, INT64_MIN}));
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kMod, {-7, 7, -7, INT32_MIN}, {3, -3, -3, -1}, status), (std::vector<int32_t>{2, -2, -1, 0}));
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kFmod, {-7, 7}, {3, -3}, status), (std::vector<int32_t>{-1, 1}));
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kPow, {3, -2, 2, 5}, {4, 3, -1, 0}, status), (std::vector<int32_t>{81, -8, 0, 1}));
  EXPECT_EQ(run_same<uint8_t>(BinaryOp::kShiftLeft, {3, 1}, {2, 9}, status), (std::vector<uint8_t>{12, 0}));
  EXPECT_EQ(run_same<uint8_t>(BinaryOp::kShiftRight, {200, 1}, {3, 1}, status), (std::vector<uint8_t>{25, 0}));
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kBitwiseXor, {5}, {3}, status), (std::vector<int32_t>{6}));
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kBitwiseAnd, {5}, {3}, status), (std::vector<int32_t>{1}));
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kBitwiseOr, {5}, {3}, status), (std::vector<int32_t>{7}));
  EXPECT_TRUE(status.status().ok());
  EXPECT_EQ(run_same<int32_t>(BinaryOp::kDiv, {4, 4}, {2, 0}, status), (std::vector<int32_t>{2, 0}));
  EXPECT_STREQ(status.status().text, "division by zero");
}

TEST(Binary, LogicalAndPowerOfMixedTypes) {
  core::ThreadPool pool(1);
  core::StatusSlot status;
  const Shape shape{4};
  const Shape operands[] = {shape, shape};
  const BroadcastPlan plan = plan_broadcast(operands, shape);
  const bool a[4] = {true, true, false, false}, b[4] = {true, false, true, false};
  bool y[4];
  run_binary(select_binary(BinaryOp::kAnd, DType::kBool, Isa::kScalar), plan, a, b, y, pool, status);
  EXPECT_EQ((std::vector<bool>(y, y + 4)), (std::vector<bool>{true, false, false, false}));
  run_binary(select_binary(BinaryOp::kOr, DType::kBool, Isa::kScalar), plan, a, b, y, pool, status);
  EXPECT_EQ((std::vector<bool>(y, y + 4)), (std::vector<bool>{true, true, true, false}));
  run_binary(select_binary(BinaryOp::kXor, DType::kBool, Isa::kScalar), plan, a, b, y, pool, status);
  EXPECT_EQ((std::vector<bool>(y, y + 4)), (std::vector<bool>{false, true, true, false}));
  const int32_t base[4] = {2, 9, -3, 10};
  const double exponent[4] = {3, 0.5, 2, 40};
  int32_t power[4];
  run_binary(select_binary(BinaryOp::kPowDouble, DType::kI32, Isa::kScalar), plan, base, exponent, power, pool, status);
  EXPECT_EQ((std::vector<int32_t>(power, power + 4)), (std::vector<int32_t>{8, 3, 9, INT32_MAX}));
}

TEST(Binary, HalfTypesGoThroughFloat) {
  core::ThreadPool pool(1);
  core::StatusSlot status;
  const Shape operands[] = {{3, 700}, {700}};
  const BroadcastPlan plan = plan_broadcast(operands, operands[0]);
  std::vector<uint16_t> a(2100), b(700), y(2100);
  for (size_t i = 0; i < a.size(); ++i) a[i] = core::f32_to_f16(static_cast<float>(i) * 0.25f);
  for (size_t i = 0; i < b.size(); ++i) b[i] = core::f32_to_f16(static_cast<float>(i) - 300);
  for (const Isa isa : core::available_isas()) {
    run_binary(select_binary(BinaryOp::kSub, DType::kF16, isa), plan, a.data(), b.data(), y.data(), pool, status);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], core::f32_to_f16(core::f16_to_f32(a[i]) - core::f16_to_f32(b[i % 700])));
    std::vector<uint8_t> less(2100);
    run_binary(select_binary(BinaryOp::kLess, DType::kF16, isa), plan, a.data(), b.data(), less.data(), pool, status);
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(less[i] != 0, core::f16_to_f32(a[i]) < core::f16_to_f32(b[i % 700]));
  }
}

TEST(Where, BroadcastsThreeOperands) {
  core::ThreadPool one(1), five(5);
  const Shape operands[] = {{4, 1}, {1, 5}, {}};
  const Shape out{4, 5};
  const BroadcastPlan plan = plan_broadcast(operands, out);
  const bool c[4] = {true, false, false, true};
  const double a[5] = {1, 2, 3, 4, 5}, b[1] = {-1};
  double y[20];
  run_where(plan, 8, c, a, b, y, one);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(y[i], c[i / 5] ? a[i % 5] : -1);
  const uint16_t p[5] = {1, 2, 3, 4, 5}, q[1] = {9};
  uint16_t z[20];
  run_where(plan, 2, c, p, q, z, five);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(z[i], c[i / 5] ? p[i % 5] : 9);
}

}  // namespace
}  // namespace omni::kernels
