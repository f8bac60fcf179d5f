// Batch normalization against the formulas in double, and gradients by finite differences.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kBatchNormalizationGradient, kBatchNormTrainGradient;

namespace {

constexpr double kEpsilon = 0.01;

Inputs inputs(Shape x) {
  const Shape c{x[1]};
  return {wave(x, 1, 0.5), wave(c, 0.5, 1), wave(c), wave(c, 0.3), wave(c, 0.4, 1)};
}

struct Channel {
  double mean = 0, variance = 0;
};

std::vector<Channel> moments(const Tensor& x) {
  const Shape& s = x.shape();
  const std::vector<double> v = to_double(x);
  const int64_t positions = s.count(2), n = s[0] * positions;
  std::vector<Channel> out(static_cast<size_t>(s[1]));
  for (int64_t c = 0; c < s[1]; ++c) {
    Channel& m = out[static_cast<size_t>(c)];
    const auto each = [&](auto&& f) {
      for (int64_t i = 0; i < n; ++i) f(v[static_cast<size_t>((i / positions * s[1] + c) * positions + i % positions)]);
    };
    each([&](double a) { m.mean += a / static_cast<double>(n); });
    each([&](double a) { m.variance += (a - m.mean) * (a - m.mean) / static_cast<double>(n); });
  }
  return out;
}

std::vector<double> normalized(const Inputs& in, const std::vector<Channel>& m) {
  const Shape& s = in[0]->shape();
  std::vector<double> y = to_double(*in[0]);
  const std::vector<double> scale = to_double(*in[1]), shift = to_double(*in[2]);
  for (size_t i = 0; i < y.size(); ++i) {
    const size_t c = i / static_cast<size_t>(s.count(2)) % static_cast<size_t>(s[1]);
    y[i] = (y[i] - m[c].mean) / std::sqrt(m[c].variance + static_cast<double>(static_cast<float>(kEpsilon))) * scale[c] + shift[c];
  }
  return y;
}

Outputs infer(const Inputs& in) {
  std::vector<Channel> m;
  for (int64_t c = 0; c < in[3]->count(); ++c) m.push_back({to_double(*in[3])[static_cast<size_t>(c)], to_double(*in[4])[static_cast<size_t>(c)]});
  return {normalized(in, m)};
}

Outputs train(const Inputs& in) {
  const std::vector<Channel> m = moments(*in[0]);
  Outputs out{normalized(in, m), {}, {}, {}, {}};
  for (size_t c = 0; c < m.size(); ++c) {
    out[1].push_back(0.75 * to_double(*in[3])[c] + 0.25 * m[c].mean);
    out[2].push_back(0.75 * to_double(*in[4])[c] + 0.25 * m[c].variance);
    out[3].push_back(m[c].mean);
    out[4].push_back(1 / std::sqrt(m[c].variance + static_cast<double>(static_cast<float>(kEpsilon))));
  }
  return out;
}

const Shape kShapes[] = {Shape{3, 5, 4, 3}, Shape{2, 19, 7}, Shape{6, 4}, Shape{2, 1, 3, 3}};

TEST(BatchNormalization, Cases) {
  for (const Shape& s : kShapes) {
    check({.name = s.text(),
           .op = &kBatchNormalization,
           .inputs = inputs(s),
           .attributes = {{"epsilon", static_cast<float>(kEpsilon)}},
           .reference = infer,
           .tolerance = 3e-6,
           .gradient = &kBatchNormalizationGradient,
           .differentiate = {0, 1, 2}});
  }
}

TEST(BatchNormTrain, Cases) {
  for (const Shape& s : kShapes) {
    check({.name = s.text(),
           .op = &kBatchNormTrain,
           .inputs = inputs(s),
           .attributes = {{"epsilon", static_cast<float>(kEpsilon)}, {"momentum", 0.75f}},
           .outputs = 5,
           .reference = train,
           .tolerance = 5e-6});
  }
}

// Only Y is differentiated: the rule is asked with gradients of Y alone, so the statistics stay out of the loss.
TEST(BatchNormTrain, Gradient) {
  for (const Shape& s : kShapes) {
    const Inputs in = inputs(s);
    const Tensor dy = wave(s, 0.8, 0.1);
    const std::vector<double> g = to_double(dy);
    const auto loss = [&](const Inputs& at) {
      const std::vector<double> y = normalized(at, moments(*at[0]));
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) sum += g[i] * y[i];
      return sum;
    };
    const std::vector<Channel> m = moments(*in[0]);
    std::vector<double> mean, inverse;
    for (const Channel& c : m) {
      mean.push_back(c.mean);
      inverse.push_back(1 / std::sqrt(c.variance + kEpsilon));
    }
    const auto slopes = [&](size_t input) {
      std::vector<double> d;
      for (size_t i = 0; i < to_double(*in[input]).size(); ++i) {
        const auto moved = [&](double by) {
          Inputs at = in;
          std::vector<double> x = to_double(*in[input]);
          x[i] += by;
          at[input] = from_double(DType::kF32, in[input]->shape(), x);
          return loss(at);
        };
        d.push_back((moved(-1.0 / 64) - 8 * moved(-1.0 / 128) + 8 * moved(1.0 / 128) - moved(1.0 / 64)) / (12.0 / 128));
      }
      return d;
    };
    const Shape c{s[1]};
    check({.name = s.text(),
           .op = &kBatchNormTrainGrad,
           .inputs = {dy, in[0], in[1], from_double(DType::kF32, c, mean), from_double(DType::kF32, c, inverse)},
           .outputs = 3,
           .reference =
               [&](const Inputs&) {
                 return Outputs{slopes(0), slopes(1), slopes(2)};
               },
           .tolerance = 2e-4});
  }
}

TEST(BatchNormTrain, OneValuePerChannelIsRefused) {
  EXPECT_THROW(check({.name = "one", .op = &kBatchNormTrain, .inputs = inputs(Shape{1, 3, 1, 1}), .outputs = 5}), Error);
}

TEST(BatchNormalization, Refused) {
  Inputs in = inputs(Shape{2, 3, 4, 4});
  in[1] = wave(Shape{4});
  expect_refused(kBatchNormalization, in, {}, "one value per channel");
}

}  // namespace
}  // namespace omni::ops
