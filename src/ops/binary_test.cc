#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kAddGradient, kSubGradient, kMulGradient, kDivGradient, kPowGradient, kPReluGradient, kMaskPositiveGradient, kWhereGradient,
    kSumGradient, kMeanGradient, kMaxGradient, kMinGradient;

namespace {

// Position of element i of `out` in an operand that broadcasts to it.
size_t source_index(int64_t i, const Shape& out, const Shape& operand) {
  int64_t index = 0, step = 1;
  for (int d = 1; d <= out.rank(); ++d) {
    const int64_t at = i % out[-d];
    i /= out[-d];
    if (d <= operand.rank()) {
      if (operand[-d] != 1) index += at * step;
      step *= operand[-d];
    }
  }
  return static_cast<size_t>(index);
}

Outputs elementwise(const Inputs& in, double (*f)(const std::vector<double>&)) {
  Shape out = in[0]->shape();
  std::vector<std::vector<double>> values;
  for (const auto& t : in) {
    out = *broadcast(out, t->shape());
    values.push_back(to_double(*t));
  }
  Outputs result(1);
  for (int64_t i = 0; i < out.count(); ++i) {
    std::vector<double> operands;
    for (size_t k = 0; k < in.size(); ++k) operands.push_back(values[k][source_index(i, out, in[k]->shape())]);
    result[0].push_back(f(operands));
  }
  return result;
}

using F = double (*)(const std::vector<double>&);
struct Shapes {
  Shape a, b;
};

TEST(Binary, OperatorsBroadcast) {
  const struct {
    const OpDef* op;
    F f;
    const GradDef* gradient;
    double offset;
  } rows[] = {
      {&kAdd, [](const std::vector<double>& x) { return x[0] + x[1]; }, &kAddGradient, 0},
      {&kSub, [](const std::vector<double>& x) { return x[0] - x[1]; }, &kSubGradient, 0},
      {&kMul, [](const std::vector<double>& x) { return x[0] * x[1]; }, &kMulGradient, 0},
      {&kDiv, [](const std::vector<double>& x) { return x[0] / x[1]; }, &kDivGradient, 2},
      {&kPow, [](const std::vector<double>& x) { return std::pow(x[0], x[1]); }, &kPowGradient, 2},
      {&kMod, [](const std::vector<double>& x) { return x[0] - x[1] * std::floor(x[0] / x[1]); }, nullptr, 2},
      {&kEqual, [](const std::vector<double>& x) { return x[0] == x[1] ? 1.0 : 0.0; }, nullptr, 0},
      {&kLess, [](const std::vector<double>& x) { return x[0] < x[1] ? 1.0 : 0.0; }, nullptr, 0},
      {&kLessOrEqual, [](const std::vector<double>& x) { return x[0] <= x[1] ? 1.0 : 0.0; }, nullptr, 0},
      {&kGreater, [](const std::vector<double>& x) { return x[0] > x[1] ? 1.0 : 0.0; }, nullptr, 0},
      {&kGreaterOrEqual, [](const std::vector<double>& x) { return x[0] >= x[1] ? 1.0 : 0.0; }, nullptr, 0},
      {&kSum, [](const std::vector<double>& x) { return x[0] + x[1]; }, &kSumGradient, 0},
      {&kMean, [](const std::vector<double>& x) { return (x[0] + x[1]) / 2; }, &kMeanGradient, 0},
      {&kMax, [](const std::vector<double>& x) { return std::max(x[0], x[1]); }, &kMaxGradient, 0},
      {&kMin, [](const std::vector<double>& x) { return std::min(x[0], x[1]); }, &kMinGradient, 0},
  };
  const Shapes shapes[] = {{{6}, {6}},
                           {{2, 3, 4, 5}, {2, 3, 4, 5}},
                           {{2, 3, 4, 5}, {3, 1, 1}},
                           {{2, 3, 4, 5}, {5}},
                           {{2, 3, 4, 5}, {}},
                           {{4, 1, 3}, {2, 1}},
                           {{1, 3, 1, 1}, {2, 3, 4, 5}},
                           {{2, 1, 4, 5}, {2, 3, 4, 5}},
                           {{}, {}}};
  for (const auto& row : rows) {
    const bool kinked = row.op == &kMax || row.op == &kMin;  // the step must not change which is the larger
    for (const Shapes& s : shapes) {
      const Tensor a = wave(s.a, 1, row.offset);
      Tensor b = wave(s.b, 0.7, row.offset + 0.05);
      check({.name = s.a.text() + s.b.text(),
             .op = row.op,
             .inputs = {a, b},
             .reference = [&](const Inputs& in) { return elementwise(in, row.f); },
             .gradient = row.gradient,
             .gradient_tolerance = kinked ? 2e-2 : 2e-3,
             .step = kinked ? 1.0 / 16384 : 1.0 / 1024});
    }
  }
}

TEST(Binary, SlopeAndMask) {
  const Tensor x = wave(Shape{2, 3, 4, 5});
  const F prelu = [](const std::vector<double>& v) { return v[0] < 0 ? v[0] * v[1] : v[0]; };
  for (const Shape& slope : {Shape{3, 1, 1}, Shape{1}, Shape{2, 3, 4, 5}}) {
    check({.name = slope.text(),
           .op = &kPRelu,
           .inputs = {x, wave(slope)},
           .reference = [&](const Inputs& in) { return elementwise(in, prelu); },
           .gradient = &kPReluGradient,
           .step = 1.0 / 4096});
  }
  check({.name = "mask",
         .op = &kMaskPositive,
         .inputs = {x, wave(Shape{2, 3, 4, 5}, 1, 0.01)},
         .reference = [](const Inputs& in) { return elementwise(in, [](const std::vector<double>& v) { return v[1] > 0 ? v[0] : 0; }); },
         .gradient = &kMaskPositiveGradient,
         .step = 1.0 / 4096});
}

TEST(Binary, IntegersBoolsAndMixedPower) {
  const Tensor a = ints({7, -7, 9}), b = ints({2, 2, -4});
  check({.name = "div", .op = &kDiv, .inputs = {a, b}, .expected = {{3, -3, -2}}});
  check({.name = "mod", .op = &kMod, .inputs = {a, b}, .expected = {{1, 1, -3}}});
  check({.name = "fmod", .op = &kMod, .inputs = {a, b}, .attributes = {{"fmod", int64_t{1}}}, .expected = {{1, -1, 1}}});
  check({.name = "pow", .op = &kPow, .inputs = {a, ints({2})}, .expected = {{49, 49, 81}}});
  check(
      {.name = "i64 to a float", .op = &kPow, .inputs = {ints({4, 9}), Tensor::of<float>(Shape{1}, {0.5f})}, .expected = {{2, 3}}, .constants = {1}});
  check({.name = "float to an i64", .op = &kPow, .inputs = {wave(Shape{9}), ints({3})}, .reference = [](const Inputs& in) {
           return elementwise(in, [](const std::vector<double>& v) { return v[0] * v[0] * v[0]; });
         }});
  const Tensor p = Tensor::of<bool>(Shape{4}, {true, true, false, false}), q = Tensor::of<bool>(Shape{4}, {true, false, true, false});
  check({.name = "and", .op = &kAnd, .inputs = {p, q}, .expected = {{1, 0, 0, 0}}});
  check({.name = "or", .op = &kOr, .inputs = {p, q}, .expected = {{1, 1, 1, 0}}});
  check({.name = "xor", .op = &kXor, .inputs = {p, q}, .expected = {{0, 1, 1, 0}}});
  const Tensor u = Tensor::of<uint8_t>(Shape{2}, {12, 10}), v = Tensor::of<uint8_t>(Shape{2}, {10, 1});
  check({.name = "bits and", .op = &kBitwiseAnd, .inputs = {u, v}, .expected = {{8, 0}}});
  check({.name = "bits or", .op = &kBitwiseOr, .inputs = {u, v}, .expected = {{14, 11}}});
  check({.name = "bits xor", .op = &kBitwiseXor, .inputs = {u, v}, .expected = {{6, 11}}});
  check({.name = "shift",
         .op = &kBitShift,
         .inputs = {v, Tensor::of<uint8_t>(Shape{1}, {1})},
         .attributes = {{"direction", "RIGHT"}},
         .expected = {{5, 0}}});
  expect_refused(kAdd, {wave(Shape{2}), ints({1, 2})}, {}, "different element types");
  expect_refused(kAdd, {wave(Shape{2}), wave(Shape{3})}, {}, "do not broadcast");
}

TEST(Where, Operator) {
  const Tensor condition = Tensor::of<bool>(Shape{3, 1}, {true, false, true});
  check({.name = "broadcast",
         .op = &kWhere,
         .inputs = {condition, wave(Shape{1, 4}), wave(Shape{}, 1, 5)},
         .reference = [](const Inputs& in) { return elementwise(in, [](const std::vector<double>& v) { return v[0] != 0 ? v[1] : v[2]; }); },
         .gradient = &kWhereGradient});
  check({.name = "i64", .op = &kWhere, .inputs = {condition, ints({1, 2}), ints({8, 9})}, .expected = {{1, 2, 8, 9, 1, 2}}});
}

TEST(Variadic, ThreeInputsAndOne) {
  const Inputs three = {wave(Shape{2, 1}), wave(Shape{3}, 1, 0.3), wave(Shape{2, 3}, 1, -0.2)};
  const struct {
    const OpDef* op;
    F f;
    const GradDef* gradient;
  } rows[] = {
      {&kSum, [](const std::vector<double>& x) { return x[0] + x[1] + x[2]; }, &kSumGradient},
      {&kMean, [](const std::vector<double>& x) { return (x[0] + x[1] + x[2]) / 3; }, &kMeanGradient},
      {&kMax,
       [](const std::vector<double>& x) {
         return std::max({x[0], x[1], x[2]});
       },
       &kMaxGradient},
      {&kMin,
       [](const std::vector<double>& x) {
         return std::min({x[0], x[1], x[2]});
       },
       &kMinGradient},
  };
  for (const auto& row : rows) {
    check({.name = "three",
           .op = row.op,
           .inputs = three,
           .reference = [&](const Inputs& in) { return elementwise(in, row.f); },
           .gradient = row.gradient,
           .step = 1.0 / 1024});
    check({.name = "one",
           .op = row.op,
           .inputs = {wave(Shape{5})},
           .reference = [](const Inputs& in) { return elementwise(in, [](const std::vector<double>& v) { return v[0]; }); },
           .gradient = row.gradient});
  }
  check({.name = "f16",
         .op = &kMean,
         .inputs = {from_double(DType::kF16, Shape{2}, std::vector<double>{1, 2}), from_double(DType::kF16, Shape{2}, std::vector<double>{3, 5})},
         .expected = {{2, 3.5}}});
}

}  // namespace
}  // namespace omni::ops
