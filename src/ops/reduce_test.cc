#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kReduceSumGradient, kReduceMeanGradient, kReduceMaxGradient, kReduceMinGradient, kReduceProdGradient, kReduceL1Gradient,
    kReduceL2Gradient, kReduceSumSquareGradient, kReduceLogSumGradient, kReduceLogSumExpGradient, kSumToGradient, kBroadcastLikeGradient;

namespace {

double fold(const OpDef* op, const std::vector<double>& x) {
  double a = op == &kReduceProd ? 1 : op == &kReduceMax ? -1e300 : op == &kReduceMin ? 1e300 : 0;
  for (const double v : x) {
    if (op == &kReduceProd)
      a *= v;
    else if (op == &kReduceMax)
      a = std::max(a, v);
    else if (op == &kReduceMin)
      a = std::min(a, v);
    else if (op == &kReduceL1)
      a += std::fabs(v);
    else if (op == &kReduceL2 || op == &kReduceSumSquare)
      a += v * v;
    else if (op == &kReduceLogSumExp)
      a += std::exp(v);
    else
      a += v;
  }
  if (op == &kReduceMean) return a / static_cast<double>(x.size());
  if (op == &kReduceL2) return std::sqrt(a);
  return op == &kReduceLogSum || op == &kReduceLogSumExp ? std::log(a) : a;
}

Outputs reduced(const OpDef* op, const Tensor& x, const std::vector<int64_t>& axes) {
  const Shape& s = x.shape();
  std::vector<bool> gone(static_cast<size_t>(s.rank()), axes.empty());
  for (const int64_t a : axes) gone[static_cast<size_t>(a < 0 ? a + s.rank() : a)] = true;
  size_t results = 1;
  for (int d = 0; d < s.rank(); ++d) results *= gone[static_cast<size_t>(d)] ? 1 : static_cast<size_t>(s[d]);
  std::vector<std::vector<double>> groups(results);
  const std::vector<double> values = to_double(x);
  for (int64_t i = 0; i < x.count(); ++i) {
    int64_t rest = i, at = 0, step = 1;
    for (int d = s.rank() - 1; d >= 0; --d) {
      if (!gone[static_cast<size_t>(d)]) {
        at += rest % s[d] * step;
        step *= s[d];
      }
      rest /= s[d];
    }
    groups[static_cast<size_t>(at)].push_back(values[static_cast<size_t>(i)]);
  }
  Outputs out(1);
  for (const auto& g : groups) out[0].push_back(fold(op, g));
  return out;
}

TEST(Reduce, Operators) {
  const std::pair<const OpDef*, const GradDef*> rows[] = {{&kReduceSum, &kReduceSumGradient},       {&kReduceMean, &kReduceMeanGradient},
                                                          {&kReduceMax, &kReduceMaxGradient},       {&kReduceMin, &kReduceMinGradient},
                                                          {&kReduceProd, &kReduceProdGradient},     {&kReduceL1, &kReduceL1Gradient},
                                                          {&kReduceL2, &kReduceL2Gradient},         {&kReduceSumSquare, &kReduceSumSquareGradient},
                                                          {&kReduceLogSum, &kReduceLogSumGradient}, {&kReduceLogSumExp, &kReduceLogSumExpGradient}};
  const struct {
    Shape shape;
    std::vector<int64_t> axes;
  } cases[] = {{{3, 5}, {1}},   {{3, 5}, {0}},         {{2, 3, 4, 5}, {0, 2, 3}}, {{2, 3, 4, 5}, {1}}, {{2, 3, 4, 5}, {-1, -2}},
               {{2, 3, 4}, {}}, {{2, 3, 2, 2, 2}, {1}}};
  for (const auto& [op, gradient] : rows) {
    const bool kinked = op == &kReduceMax || op == &kReduceMin;  // the step must not change which is the largest
    for (const auto& c : cases) {
      for (const int64_t keep : {0, 1}) {
        Inputs inputs = {wave(c.shape, 0.4, 1.2)};
        if (!c.axes.empty()) inputs.push_back(Tensor::of<int64_t>(Shape{static_cast<int64_t>(c.axes.size())}, c.axes));
        check({.name = c.shape.text() + " keepdims " + std::to_string(keep),
               .op = op,
               .inputs = inputs,
               .attributes = {{"keepdims", keep}},
               .reference = [&, op = op](const Inputs& in) { return reduced(op, *in[0], c.axes); },
               .gradient = gradient,
               .gradient_tolerance = kinked ? 2e-2 : 2e-3,
               .step = kinked ? 1.0 / 16384 : 1.0 / 256});
      }
    }
  }
  check({.name = "noop",
         .op = &kReduceSum,
         .inputs = {wave(Shape{2, 3})},
         .attributes = {{"noop_with_empty_axes", int64_t{1}}},
         .reference = [](const Inputs& in) { return Outputs{to_double(*in[0])}; },
         .gradient = &kReduceSumGradient});
  check({.name = "i64", .op = &kReduceMax, .inputs = {ints({3, 9, -2})}, .expected = {{9}}});
  check({.name = "f16", .op = &kReduceMean, .inputs = {from_double(DType::kF16, Shape{4}, std::vector<double>{1, 2, 3, 6})}, .expected = {{3}}});
  expect_refused(kReduceSum, {wave(Shape{2, 3}), ints({2})}, {}, "axis 2");
}

TEST(SumTo, SumsWhatWasBroadcast) {
  const struct {
    Shape x, like;
    std::vector<int64_t> axes;
  } cases[] = {{{2, 3, 4, 5}, {3, 1, 1}, {0, 2, 3}},
               {{2, 3, 4, 5}, {5}, {0, 1, 2}},
               {{2, 3, 4, 5}, {2, 1, 4, 5}, {1}},
               {{4, 3}, {}, {}},
               {{64, 10}, {10}, {0}}};
  for (const auto& c : cases) {
    check({.name = c.like.text(),
           .op = &kSumTo,
           .inputs = {wave(c.x), wave(c.like)},
           .reference = [&](const Inputs& in) { return reduced(&kReduceSum, *in[0], c.axes); },
           .shapes = {c.like},
           .gradient = &kSumToGradient,
           .differentiate = {0}});
  }
  check({.name = "same", .op = &kSumTo, .inputs = {wave(Shape{2, 3}), wave(Shape{2, 3})}, .reference = [](const Inputs& in) {
           return Outputs{to_double(*in[0])};
         }});
}

TEST(BroadcastLike, Repeats) {
  check({.name = "rows",
         .op = &kBroadcastLike,
         .inputs = {wave(Shape{3, 1}), wave(Shape{2, 3, 2})},
         .reference =
             [](const Inputs& in) {
               const std::vector<double> x = to_double(*in[0]);
               Outputs out(1);
               for (int i = 0; i < 12; ++i) out[0].push_back(x[static_cast<size_t>(i / 2 % 3)]);
               return out;
             },
         .gradient = &kBroadcastLikeGradient,
         .differentiate = {0}});
}

TEST(ArgMax, Operators) {
  const Tensor x = Tensor::of<float>(Shape{2, 3}, {1, 7, 7, -2, -5, -2});
  check({.name = "max", .op = &kArgMax, .inputs = {x}, .attributes = {{"axis", int64_t{1}}}, .expected = {{1, 0}}, .shapes = {Shape{2, 1}}});
  check({.name = "last",
         .op = &kArgMax,
         .inputs = {x},
         .attributes = {{"axis", int64_t{1}}, {"select_last_index", int64_t{1}}, {"keepdims", int64_t{0}}},
         .expected = {{2, 2}},
         .shapes = {Shape{2}}});
  check({.name = "min", .op = &kArgMin, .inputs = {x}, .attributes = {{"axis", int64_t{-1}}}, .expected = {{0, 1}}});
  check({.name = "columns", .op = &kArgMin, .inputs = {x}, .attributes = {{"axis", int64_t{0}}}, .expected = {{1, 1, 1}}});
}

// Shape → ReduceProd is a number that folds.
TEST(Reduce, ContentsOfAShape) {
  Graph g;
  const ValueId x = g.add_input("x", Type(DType::kF32, std::vector<Dim>{g.dims().symbol("N"), 3, 4}));
  const ValueId n = g.add1(kReduceProd, {g.add1(kShape, {x})}, {{"keepdims", int64_t{0}}});
  ASSERT_TRUE(g.value(n).contents);
  EXPECT_EQ(g.dims().text(g.value(n).contents->front()), "12*N");
}

}  // namespace
}  // namespace omni::ops
