#include "kernels/elementwise/unary.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/half.h"

namespace omni::kernels {
namespace {

using core::DType;
using core::Isa;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Case {
  UnaryOp op;
  std::function<double(double)> truth;
  double low, high;  // inputs
  double ulp;        // allowed, of the result
  UnaryParams params = {};
  double absolute = 0;  // allowed besides, where cancellation is part of the definition
};

std::vector<Case> cases() {
  return {
      {UnaryOp::kRelu, [](double x) { return x > 0 ? x : 0; }, -5, 5, 0},
      {UnaryOp::kLeakyRelu, [](double x) { return x < 0 ? 0.25 * x : x; }, -5, 5, 0, {0.25, 0}},
      {UnaryOp::kThresholdedRelu, [](double x) { return x > 0.5 ? x : 0; }, -2, 2, 0, {0.5, 0}},
      {UnaryOp::kElu, [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }, -20, 5, 3, {1.5, 0}},
      {UnaryOp::kSelu, [](double x) { return 1.0507 * (x < 0 ? 1.67326 * std::expm1(x) : x); }, -20, 5, 4, {1.67326, 1.0507}},
      {UnaryOp::kCelu, [](double x) { return x < 0 ? 2 * std::expm1(x / 2) : x; }, -20, 5, 3, {2, 0}},
      {UnaryOp::kClip, [](double x) { return std::fmin(std::fmax(x, -1), 0.75); }, -3, 3, 0, {-1, 0.75}},
      {UnaryOp::kHardSigmoid, [](double x) { return std::fmin(std::fmax(0.25 * x + 0.5, 0), 1); }, -5, 5, 1, {0.25, 0.5}},
      {UnaryOp::kHardSwish, [](double x) { return x * std::fmin(std::fmax(x / 6 + 0.5, 0), 1); }, -5, 5, 2, {}, 3e-7},
      {UnaryOp::kSigmoid, sigmoid, -85, 30, 3},
      {UnaryOp::kSwish, [](double x) { return x * sigmoid(x); }, -80, 30, 3.5, {1}},
      {UnaryOp::kSwish, [](double x) { return x * sigmoid(-0.5 * x); }, -60, 60, 3.5, {-0.5}},
      {UnaryOp::kMish, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }, -30, 30, 5},
      {UnaryOp::kTanh, [](double x) { return std::tanh(x); }, -12, 12, 2},
      {UnaryOp::kGelu, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, -3, 6, 12},
      {UnaryOp::kGelu, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, -12, -3, 0, {}, 2e-7},
      {UnaryOp::kGeluTanh, [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }, -4, 6, 20, {}, 1e-7},
      {UnaryOp::kErf, [](double x) { return std::erf(x); }, -5, 5, 2},
      {UnaryOp::kSoftplus, [](double x) { return std::log1p(std::exp(x)); }, -80, 80, 3},
      {UnaryOp::kSoftsign, [](double x) { return x / (1 + std::fabs(x)); }, -50, 50, 2},
      {UnaryOp::kExp, [](double x) { return std::exp(x); }, -87, 88, 1.5},
      {UnaryOp::kLog, [](double x) { return std::log(x); }, 1e-30, 4, 1.5},
      {UnaryOp::kLog, [](double x) { return std::log(x); }, 1, 1e30, 1.5},
      {UnaryOp::kSqrt, [](double x) { return std::sqrt(x); }, 0, 100, 0.5001},
      {UnaryOp::kReciprocal, [](double x) { return 1 / x; }, 0.01, 100, 0.5001},
      {UnaryOp::kAbs, [](double x) { return std::fabs(x); }, -5, 5, 0},
      {UnaryOp::kNeg, [](double x) { return -x; }, -5, 5, 0},
      {UnaryOp::kSign, [](double x) { return x > 0   ? 1
                                             : x < 0 ? -1
                                                     : 0; }, -5, 5, 0},
      {UnaryOp::kFloor, [](double x) { return std::floor(x); }, -50, 50, 0},
      {UnaryOp::kCeil, [](double x) { return std::ceil(x); }, -50, 50, 0},
      {UnaryOp::kRound, [](double x) { return std::nearbyint(x); }, -50, 50, 0},
      {UnaryOp::kSin, [](double x) { return std::sin(x); }, -50, 50, 0.5001},
      {UnaryOp::kCos, [](double x) { return std::cos(x); }, -50, 50, 0.5001},
      {UnaryOp::kTan, [](double x) { return std::tan(x); }, -50, 50, 0.5001},
      {UnaryOp::kAsin, [](double x) { return std::asin(x); }, -1, 1, 0.5001},
      {UnaryOp::kAcos, [](double x) { return std::acos(x); }, -1, 1, 0.5001},
      {UnaryOp::kAtan, [](double x) { return std::atan(x); }, -50, 50, 0.5001},
      {UnaryOp::kSinh, [](double x) { return std::sinh(x); }, -50, 50, 0.5001},
      {UnaryOp::kCosh, [](double x) { return std::cosh(x); }, -50, 50, 0.5001},
      {UnaryOp::kAsinh, [](double x) { return std::asinh(x); }, -50, 50, 0.5001},
      {UnaryOp::kAcosh, [](double x) { return std::acosh(x); }, 1, 50, 0.5001},
      {UnaryOp::kAtanh, [](double x) { return std::atanh(x); }, -0.99, 0.99, 0.5001},
  };
}

double ulp_of(float y) { return std::max(std::nextafter(std::fabs(y), std::numeric_limits<float>::infinity()) - std::fabs(y), 1.4e-45f); }

TEST(Unary, EveryKernelAgainstDouble) {
  std::vector<bool> tested(kUnaryVectorLike, false);
  core::ThreadPool pool(1);
  for (const Case& c : cases()) {
    tested[static_cast<size_t>(c.op)] = true;
    std::mt19937 random(7);
    std::uniform_real_distribution<double> uniform(c.low, c.high);
    std::vector<float> x(20011), y(x.size());
    for (float& v : x) v = std::min(std::max(static_cast<float>(uniform(random)), static_cast<float>(c.low)), static_cast<float>(c.high));
    for (const Isa isa : core::available_isas()) {
      const UnaryKernel kernel = select_unary(c.op, DType::kF32, isa);
      ASSERT_TRUE(kernel);
      run_unary(kernel, x.data(), y.data(), static_cast<int64_t>(x.size()), c.params, pool);
      double worst = 0;
      float where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        const double truth = c.truth(x[i]);
        const double error = std::max(0.0, std::fabs(y[i] - truth) - c.absolute) / ulp_of(static_cast<float>(truth));
        if (!(error <= worst)) worst = error, where = x[i];
      }
      EXPECT_LE(worst, c.ulp) << "operator " << static_cast<int>(c.op) << " " << core::isa_name(isa) << " at " << where;
    }
  }
  for (size_t i = 0; i < tested.size(); ++i) EXPECT_TRUE(tested[i]) << "no case for unary operator " << i;
}

TEST(Unary, SpecialValues) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const float values[] = {0.0f, -0.0f, inf, -inf, nan, 1e-40f, -1e-40f, 3e38f, -3e38f, 88.8f, -104.5f, -95.0f};
  constexpr int64_t n = std::size(values);
  core::ThreadPool pool(1);
  for (const UnaryOp op :
       {UnaryOp::kRelu, UnaryOp::kExp, UnaryOp::kLog, UnaryOp::kTanh, UnaryOp::kErf, UnaryOp::kSigmoid, UnaryOp::kSign, UnaryOp::kSqrt,
        UnaryOp::kFloor, UnaryOp::kSoftplus, UnaryOp::kAbs, UnaryOp::kNeg, UnaryOp::kReciprocal, UnaryOp::kHardSigmoid}) {
    float expected[n], y[n];
    run_unary(select_unary(op, DType::kF32, Isa::kScalar), values, expected, n, {0.2, 0.5}, pool);
    for (const Isa isa : core::available_isas()) {
      run_unary(select_unary(op, DType::kF32, isa), values, y, n, {0.2, 0.5}, pool);
      for (int64_t i = 0; i < n; ++i) {
        const std::string what = std::to_string(static_cast<int>(op)) + " " + std::string(core::isa_name(isa)) + " of " + std::to_string(values[i]);
        if (std::isnan(expected[i])) {
          EXPECT_TRUE(std::isnan(y[i])) << what;
        } else if (std::isinf(expected[i])) {
          EXPECT_EQ(y[i], expected[i]) << what;
        } else {
          EXPECT_NEAR(y[i], expected[i], std::fabs(expected[i]) * 1e-6 + 3e-45) << what;
        }
      }
    }
  }
}

// Every length and start gives the bytes of the whole, nothing is written outside, and threads change nothing.
TEST(Unary, PositionAndThreadsDoNotMatter) {
  std::vector<float> x(70001), whole(x.size());
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(static_cast<double>(i)) * 8);
  core::ThreadPool one(1), two(2), five(5);
  for (int op = 0; op < kUnaryVectorLike; ++op) {
    for (const Isa isa : core::available_isas()) {
      const UnaryKernel kernel = select_unary(static_cast<UnaryOp>(op), DType::kF32, isa);
      const UnaryParams params{0.5, 1.5};
      run_unary(kernel, x.data(), whole.data(), static_cast<int64_t>(x.size()), params, one);
      for (core::ThreadPool* pool : {&two, &five}) {
        std::vector<float> y(x.size());
        run_unary(kernel, x.data(), y.data(), static_cast<int64_t>(x.size()), params, *pool);
        ASSERT_EQ(std::memcmp(y.data(), whole.data(), y.size() * 4), 0) << op;
      }
      for (int64_t n = 0; n <= 35; ++n) {
        for (int64_t start = 0; start < 3; ++start) {
          std::vector<float> y(static_cast<size_t>(n + start + 1), 99.0f);
          run_unary(kernel, x.data() + start, y.data() + start, n, params, one);
          ASSERT_EQ(std::memcmp(y.data() + start, whole.data() + start, static_cast<size_t>(n) * 4), 0) << op << " n " << n;
          EXPECT_EQ(y.back(), 99.0f);
          if (start > 0) {
            EXPECT_EQ(y[static_cast<size_t>(start) - 1], 99.0f);
          }
        }
      }
    }
  }
}

TEST(Unary, HalfTypesGoThroughFloat) {
  core::ThreadPool pool(1);
  for (const Isa isa : core::available_isas()) {
    std::vector<uint16_t> x(1333), y(x.size());
    for (size_t i = 0; i < x.size(); ++i) x[i] = core::f32_to_f16(static_cast<float>(i) * 0.01f - 6);
    run_unary(select_unary(UnaryOp::kTanh, DType::kF16, isa), x.data(), y.data(), 1333, {}, pool);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(core::f16_to_f32(y[i]), std::tanh(core::f16_to_f32(x[i])), 5e-4);
    for (size_t i = 0; i < x.size(); ++i) x[i] = core::f32_to_bf16(static_cast<float>(i) * 0.01f - 6);
    run_unary(select_unary(UnaryOp::kRelu, DType::kBF16, isa), x.data(), y.data(), 1333, {}, pool);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(core::bf16_to_f32(y[i]), std::max(0.0f, core::bf16_to_f32(x[i])));
    bool flags[3];
    const uint16_t special[3] = {0x7c00, 0x7e00, 0x3c00};
    run_unary(select_unary(UnaryOp::kIsNaN, DType::kF16, isa), special, flags, 3, {}, pool);
    EXPECT_FALSE(flags[0]);
    EXPECT_TRUE(flags[1]);
    EXPECT_FALSE(flags[2]);
  }
}

TEST(Unary, Integers) {
  core::ThreadPool pool(1);
  const int64_t x[4] = {INT64_MIN, -3, 0, 5};
  int64_t y[4];
  run_unary(select_unary(UnaryOp::kAbs, DType::kI64, Isa::kScalar), x, y, 4, {}, pool);
  EXPECT_EQ(y[0], INT64_MIN);
  EXPECT_EQ(y[1], 3);
  UnaryParams clip;
  clip.low_int = -1;
  clip.high_int = 4;
  run_unary(select_unary(UnaryOp::kClip, DType::kI64, Isa::kScalar), x, y, 4, clip, pool);
  EXPECT_EQ((std::vector<int64_t>(y, y + 4)), (std::vector<int64_t>{-1, -1, 0, 4}));
  const uint8_t u[2] = {0x0f, 200};
  uint8_t v[2];
  run_unary(select_unary(UnaryOp::kBitwiseNot, DType::kU8, Isa::kScalar), u, v, 2, {}, pool);
  EXPECT_EQ(v[0], 0xf0);
  EXPECT_FALSE(select_unary(UnaryOp::kNeg, DType::kU8, Isa::kScalar));
  EXPECT_FALSE(select_unary(UnaryOp::kExp, DType::kI32, Isa::kScalar));
}

}  // namespace
}  // namespace omni::kernels
