#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kReluGradient, kLeakyReluGradient, kThresholdedReluGradient, kEluGradient, kSeluGradient, kCeluGradient, kHardSigmoidGradient,
    kSigmoidGradient, kTanhGradient, kErfGradient, kSoftplusGradient, kSoftsignGradient, kExpGradient, kLogGradient, kSqrtGradient,
    kReciprocalGradient, kAbsGradient, kNegGradient, kSignGradient, kFloorGradient, kCeilGradient, kRoundGradient, kSinGradient, kCosGradient,
    kClipGradient, kIdentityGradient, kCastGradient, kRoundClipGradient;

namespace {

struct Row {
  const OpDef* op;
  double (*f)(double);
  const GradDef* gradient = nullptr;
  double scale = 3, offset = 0;
  Attributes attributes = {};
  double step = 1.0 / 512;
};

TEST(Unary, Operators) {
  const Row rows[] = {
      {&kRelu, [](double x) { return std::max(x, 0.0); }, &kReluGradient},
      {&kLeakyRelu, [](double x) { return x < 0 ? 0.2 * x : x; }, &kLeakyReluGradient, 3, 0, {{"alpha", 0.2f}}},
      {&kThresholdedRelu, [](double x) { return x > 0.7 ? x : 0; }, &kThresholdedReluGradient, 3, 0, {{"alpha", 0.7f}}},
      {&kElu, [](double x) { return x < 0 ? 1.5 * std::expm1(x) : x; }, &kEluGradient, 3, 0, {{"alpha", 1.5f}}},
      {&kSelu, [](double x) { return 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * std::expm1(x) : x); }, &kSeluGradient},
      {&kCelu, [](double x) { return x < 0 ? 2 * std::expm1(x / 2) : x; }, &kCeluGradient, 3, 0, {{"alpha", 2.0f}}},
      {&kHardSigmoid, [](double x) { return std::min(std::max(0.25 * x + 0.5, 0.0), 1.0); }, &kHardSigmoidGradient, 3, 0, {{"alpha", 0.25f}}},
      {&kHardSwish, [](double x) { return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0); }, nullptr, 5},
      {&kMish, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }, nullptr, 5},
      {&kSigmoid, [](double x) { return 1 / (1 + std::exp(-x)); }, &kSigmoidGradient},
      {&kTanh, [](double x) { return std::tanh(x); }, &kTanhGradient},
      {&kErf, [](double x) { return std::erf(x); }, &kErfGradient},
      {&kSoftplus, [](double x) { return std::log1p(std::exp(x)); }, &kSoftplusGradient},
      {&kSoftsign, [](double x) { return x / (1 + std::fabs(x)); }, &kSoftsignGradient},
      {&kExp, [](double x) { return std::exp(x); }, &kExpGradient},
      {&kLog, [](double x) { return std::log(x); }, &kLogGradient, 1, 1.5},
      {&kSqrt, [](double x) { return std::sqrt(x); }, &kSqrtGradient, 1, 1.5},
      {&kReciprocal, [](double x) { return 1 / x; }, &kReciprocalGradient, 1, 1.5},
      {&kAbs, [](double x) { return std::fabs(x); }, &kAbsGradient},
      {&kNeg, [](double x) { return -x; }, &kNegGradient},
      {&kSign, [](double x) { return x > 0   ? 1.0
                                     : x < 0 ? -1.0
                                             : 0.0; }, &kSignGradient},
      {&kFloor, [](double x) { return std::floor(x); }, &kFloorGradient, 3, 0.017, {}, 1.0 / 65536},
      {&kCeil, [](double x) { return std::ceil(x); }, &kCeilGradient, 3, 0.017, {}, 1.0 / 65536},
      {&kRound, [](double x) { return std::nearbyint(x); }, &kRoundGradient, 3, 0.017, {}, 1.0 / 65536},
      {&kSin, [](double x) { return std::sin(x); }, &kSinGradient},
      {&kCos, [](double x) { return std::cos(x); }, &kCosGradient},
      {&kTan, [](double x) { return std::tan(x); }, nullptr, 1},
      {&kAsin, [](double x) { return std::asin(x); }, nullptr, 0.9},
      {&kAcos, [](double x) { return std::acos(x); }, nullptr, 0.9},
      {&kAtan, [](double x) { return std::atan(x); }, nullptr, 3},
      {&kSinh, [](double x) { return std::sinh(x); }, nullptr, 3},
      {&kCosh, [](double x) { return std::cosh(x); }, nullptr, 3},
      {&kAsinh, [](double x) { return std::asinh(x); }, nullptr, 3},
      {&kAcosh, [](double x) { return std::acosh(x); }, nullptr, 1, 2.5},
      {&kAtanh, [](double x) { return std::atanh(x); }, nullptr, 0.9},
      {&kSwish, [](double x) { return x / (1 + std::exp(-1.702 * x)); }, nullptr, 4, 0, {{"alpha", 1.702f}}},
      {&kGelu, [](double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }, nullptr, 4},
      {&kGelu,
       [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); },
       nullptr,
       4,
       0,
       {{"approximate", "tanh"}}},
      {&kIdentity, [](double x) { return x; }, &kIdentityGradient},
  };
  for (const Row& row : rows) {
    for (const Shape& shape : {Shape{23}, Shape{2, 3, 5, 7}, Shape{}}) {
      check({.name = shape.text(),
             .op = row.op,
             .inputs = {wave(shape, row.scale, row.offset)},
             .attributes = row.attributes,
             .reference =
                 [&](const Inputs& in) {
                   Outputs out(1);
                   for (const double x : to_double(*in[0])) out[0].push_back(row.f(x));
                   return out;
                 },
             .gradient = row.gradient,
             .step = row.step});
    }
  }
}

TEST(Unary, OtherTypes) {
  check({.name = "f16", .op = &kRelu, .inputs = {from_double(DType::kF16, Shape{3}, std::vector<double>{-1, 0.5, 2})}, .expected = {{0, 0.5, 2}}});
  check({.name = "f64", .op = &kExp, .inputs = {Tensor::of<double>(Shape{2}, {0, 1})}, .expected = {{1, M_E}}, .tolerance = 1e-15});
  check({.name = "i64", .op = &kNeg, .inputs = {ints({1, -2})}, .expected = {{-1, 2}}});
  check({.name = "bool", .op = &kNot, .inputs = {Tensor::of<bool>(Shape{2}, {true, false})}, .expected = {{0, 1}}});
  check({.name = "bits", .op = &kBitwiseNot, .inputs = {Tensor::of<uint8_t>(Shape{1}, {5})}, .expected = {{250}}});
  const Tensor special = Tensor::of<float>(Shape{4}, {NAN, INFINITY, -INFINITY, 1});
  check({.name = "nan", .op = &kIsNaN, .inputs = {special}, .expected = {{1, 0, 0, 0}}});
  check({.name = "inf", .op = &kIsInf, .inputs = {special}, .expected = {{0, 1, 1, 0}}});
  check({.name = "+inf", .op = &kIsInf, .inputs = {special}, .attributes = {{"detect_negative", int64_t{0}}}, .expected = {{0, 1, 0, 0}}});
}

TEST(Clip, Bounds) {
  const Tensor x = wave(Shape{2, 3, 4, 5}, 2);
  const auto clip = [](double low, double high) {
    return [=](const Inputs& in) {
      Outputs out(1);
      for (const double v : to_double(*in[0])) out[0].push_back(std::min(std::max(v, low), high));
      return out;
    };
  };
  check({.name = "both",
         .op = &kClip,
         .inputs = {x, scalar_f32(-0.5f), scalar_f32(1)},
         .reference = clip(-0.5, 1),
         .gradient = &kClipGradient,
         .differentiate = {0}});
  check({.name = "low",
         .op = &kClip,
         .inputs = {x, scalar_f32(0), std::nullopt},
         .reference = clip(0, 9),
         .gradient = &kClipGradient,
         .differentiate = {0}});
  check({.name = "high",
         .op = &kClip,
         .inputs = {x, std::nullopt, scalar_f32(1)},
         .reference = clip(-9, 1),
         .gradient = &kClipGradient,
         .differentiate = {0}});
  check({.name = "none", .op = &kClip, .inputs = {x}, .reference = clip(-9, 9)});
  check(
      {.name = "i64", .op = &kClip, .inputs = {ints({-5, 3, 9}), Tensor::scalar<int64_t>(-1), Tensor::scalar<int64_t>(4)}, .expected = {{-1, 3, 4}}});
}

TEST(Cast, Operators) {
  const Tensor x = Tensor::of<float>(Shape{3}, {-1.5f, 0.25f, 300});
  check({.name = "to i32", .op = &kCast, .inputs = {x}, .attributes = {{"to", int64_t{6}}}, .expected = {{-1, 0, 300}}});
  check({.name = "to f16", .op = &kCast, .inputs = {x}, .attributes = {{"to", int64_t{10}}}, .expected = {{-1.5, 0.25, 300}}});
  check({.name = "to f64", .op = &kCast, .inputs = {wave(Shape{7})}, .attributes = {{"to", int64_t{11}}}, .gradient = &kCastGradient});
  check({.name = "same", .op = &kCast, .inputs = {wave(Shape{1, 2, 3})}, .attributes = {{"to", int64_t{1}}}, .gradient = &kCastGradient});
  check({.name = "like", .op = &kCastLike, .inputs = {x, ints({1})}, .expected = {{-1, 0, 300}}});
  expect_refused(kCast, {x}, {{"to", int64_t{14}}}, "element type 14");
}

TEST(RoundClip, StraightThrough) {
  // Inputs stay off the steps of the rounding: its true derivative is 0, so only values are compared here, the rule against its definition.
  const Tensor x = Tensor::of<float>(Shape{2, 2}, {0.3f, -0.9f, 5.0f, -7.0f}), s = Tensor::of<float>(Shape{2, 1}, {0.1f, 0.5f}), z = scalar_f32(1);
  check({.name = "values", .op = &kRoundClip, .inputs = {x, s, z}, .attributes = {{"qmin", -8.0f}, {"qmax", 7.0f}}, .expected = {{3, -9, 6, -9}}});
  Graph g;
  const ValueId ix = g.add_input("x", Type(DType::kF32, x.shape())), is = g.add_input("s", Type(DType::kF32, s.shape())), iz = g.add_constant("z", z);
  const auto out = g.add(kRoundClip, {ix, is, iz}, {{"qmin", -8.0f}, {"qmax", 7.0f}});
  const std::vector<ValueId> upstream = {g.add_constant("g", Tensor::of<float>(Shape{2, 2}, {1, 2, 3, 4}))};
  const bool wanted[] = {true, true, false};
  GradContext context{g, g.node(g.value(out[0]).producer), upstream, wanted};
  const auto grads = kRoundClipGradient.rule(context);
  for (const ValueId id : {grads[0], grads[1]}) g.add_output(id);
  ThreadPool pool(1);
  const auto values = run_graph(g, {{ix, x}, {is, s}}, pool, Isa::kScalar);
  // x / s + z is 4, -8 (inside), 11, -13 (outside).
  const std::vector<double> dx = to_double(values.at(grads[0])), ds = to_double(values.at(grads[1]));
  const double expected_dx[] = {10, 20, 0, 0};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(dx[i], expected_dx[i], 1e-5);
  EXPECT_NEAR(ds[0], -1 * 0.3 / 0.01 - 2 * -0.9 / 0.01, 1e-3);
  EXPECT_EQ(ds[1], 0);
}

TEST(AllFinite, Operator) {
  check({.name = "yes", .op = &kAllFinite, .inputs = {wave(Shape{100}), wave(Shape{3})}, .expected = {{1}}});
  check({.name = "nan", .op = &kAllFinite, .inputs = {wave(Shape{100}), Tensor::of<float>(Shape{2}, {1, NAN})}, .expected = {{0}}});
  check({.name = "inf", .op = &kAllFinite, .inputs = {Tensor::of<float>(Shape{5}, {1, 2, 3, 4, -INFINITY})}, .expected = {{0}}});
}

}  // namespace
}  // namespace omni::ops
