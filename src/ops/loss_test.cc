#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "ops/evaluate.h"
#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kSoftmaxGradient, kLogSoftmaxGradient, kSoftmaxCrossEntropyLossGradient;

namespace {

std::vector<double> softmax(const Tensor& x, int axis, bool log) {
  const int64_t outer = x.shape().count(0, axis), n = x.shape()[axis], inner = x.shape().count(axis + 1);
  std::vector<double> y = to_double(x);
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < inner; ++i) {
      double sum = 0;
      const auto at = [&](int64_t k) -> double& { return y[static_cast<size_t>((o * n + k) * inner + i)]; };
      for (int64_t k = 0; k < n; ++k) sum += std::exp(at(k));
      for (int64_t k = 0; k < n; ++k) at(k) = log ? at(k) - std::log(sum) : std::exp(at(k)) / sum;
    }
  }
  return y;
}

TEST(Softmax, Operators) {
  const struct {
    Shape shape;
    int64_t axis;
  } cases[] = {{{3, 10}, -1}, {{3, 10}, 0}, {{2, 5, 3, 4}, 1}, {{2, 5, 3, 4}, -1}, {{2, 5, 33}, 1}};
  for (const auto& c : cases) {
    for (const bool log : {false, true}) {
      check({.name = c.shape.text() + " axis " + std::to_string(c.axis),
             .op = log ? &kLogSoftmax : &kSoftmax,
             .inputs = {wave(c.shape, 2)},
             .attributes = {{"axis", c.axis}},
             .reference =
                 [&](const Inputs& in) { return Outputs{softmax(*in[0], static_cast<int>(c.axis < 0 ? c.axis + c.shape.rank() : c.axis), log)}; },
             .gradient = log ? &kLogSoftmaxGradient : &kSoftmaxGradient});
    }
  }
  check({.name = "f16", .op = &kSoftmax, .inputs = {from_double(DType::kF16, Shape{1, 2}, std::vector<double>{1, 1})}, .expected = {{0.5, 0.5}}});
}

TEST(SoftmaxCrossEntropyLoss, ValuesAndGradients) {
  for (const Shape& shape : {Shape{4, 5}, Shape{2, 5, 3}}) {
    std::vector<int64_t> dims(shape.begin(), shape.end());
    dims.erase(dims.begin() + 1);
    const Shape label_shape(dims);
    std::vector<int64_t> labels(static_cast<size_t>(label_shape.count()));
    for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i * 3 % 5);
    for (const char* reduction : {"none", "sum", "mean"}) {
      for (const bool weighted : {false, true}) {
        for (const int outputs : {1, 2}) {
          Inputs inputs = {wave(shape, 2), Tensor::of<int64_t>(label_shape, labels)};
          const std::vector<float> weights = {0.5f, 1, 2, 0.25f, 1.5f};
          if (weighted) inputs.push_back(Tensor::of<float>(Shape{5}, weights));
          Attributes attributes = {{"reduction", reduction}};
          if (weighted) attributes.set("ignore_index", int64_t{3});
          check({.name = shape.text() + " " + reduction,
                 .op = &kSoftmaxCrossEntropyLoss,
                 .inputs = inputs,
                 .attributes = attributes,
                 .outputs = outputs,
                 .reference =
                     [&](const Inputs& in) {
                       const std::vector<double> log_prob = softmax(*in[0], 1, true);
                       Outputs out(1);
                       double total = 0, total_weight = 0;
                       const int64_t inner = shape.count(2);
                       for (size_t i = 0; i < labels.size(); ++i) {
                         const int64_t at = static_cast<int64_t>(i), label = labels[i];
                         const double w = weighted ? (label == 3 ? 0 : static_cast<double>(weights[static_cast<size_t>(label)])) : 1;
                         const double loss = -w * log_prob[static_cast<size_t>((at / inner * 5 + label) * inner + at % inner)];
                         if (std::string(reduction) == "none") out[0].push_back(loss);
                         total += loss;
                         total_weight += w;
                       }
                       if (std::string(reduction) == "sum") out[0] = {total};
                       if (std::string(reduction) == "mean") out[0] = {total / total_weight};
                       if (outputs == 2) out.push_back(log_prob);
                       return out;
                     },
                 .constants = {2},
                 .gradient = &kSoftmaxCrossEntropyLossGradient,
                 .differentiate = {0}});
        }
      }
    }
  }
  expect_refused(kSoftmaxCrossEntropyLoss, {wave(Shape{2, 3}), ints({1, 2, 0})}, {}, "differ in dimension 0");
  expect_refused(kSoftmaxCrossEntropyLoss, {wave(Shape{2, 3}), ints({1, 2})}, {{"reduction", "max"}}, "reduction \"max\"");
}

TEST(SoftmaxCrossEntropyLoss, ALabelOutOfRangeIsReported) {
  Graph g;
  const ValueId x = g.add_constant("x", wave(Shape{1, 3})), label = g.add_constant("label", ints({7}));
  const ValueId loss = g.add1(kSoftmaxCrossEntropyLoss, {x, label});
  ThreadPool pool(1);
  const Inputs inputs = {g.value(x).data, g.value(label).data};
  EXPECT_THROW(evaluate(g.node(g.value(loss).producer), inputs, pool, Isa::kScalar), Error);
}

}  // namespace
}  // namespace omni::ops
