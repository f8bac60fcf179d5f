#include "kernels/softmax/softmax.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace omni::kernels {
namespace {

using core::DType;
using core::Isa;

std::vector<float> wave(int64_t n, double scale) {
  std::vector<float> x(static_cast<size_t>(n));
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(std::sin(static_cast<double>(i) * 1.3 + 0.1) * scale);
  return x;
}

TEST(Softmax, EveryShapeIsaAndThread) {
  const SoftmaxArgs cases[] = {{1, 1, 1},   {3, 10, 1}, {2, 1000, 1}, {5, 37, 1}, {2, 3, 5},
                               {2, 21, 33}, {1, 4, 16}, {700, 13, 1}, {0, 3, 1},  {3, 2, 1000}};
  core::ThreadPool one(1), two(2), five(5);
  for (SoftmaxArgs args : cases) {
    const int64_t n = args.outer * args.axis * args.inner;
    const std::vector<float> x = wave(n, 30);
    for (const bool log : {false, true}) {
      args.log = log;
      for (const Isa isa : core::available_isas()) {
        const SoftmaxKernel kernel = select_softmax(DType::kF32, isa);
        std::vector<float> y(static_cast<size_t>(n) + 1, 77);
        run_softmax(kernel, args, x.data(), y.data(), one);
        EXPECT_EQ(y.back(), 77);
        for (int64_t o = 0; o < args.outer; ++o) {
          for (int64_t i = 0; i < args.inner; ++i) {
            const auto at = [&](int64_t a) { return static_cast<size_t>((o * args.axis + a) * args.inner + i); };
            double biggest = -1e300, sum = 0;
            for (int64_t a = 0; a < args.axis; ++a) biggest = std::max(biggest, static_cast<double>(x[at(a)]));
            for (int64_t a = 0; a < args.axis; ++a) sum += std::exp(x[at(a)] - biggest);
            for (int64_t a = 0; a < args.axis; ++a) {
              const double shifted = x[at(a)] - biggest;
              if (log)
                ASSERT_NEAR(y[at(a)], shifted - std::log(sum), 2e-7 * std::fabs(shifted) + 3e-7);
              else
                ASSERT_NEAR(y[at(a)], std::exp(shifted) / sum, (4e-7 + 7e-8 * std::fabs(shifted)) * std::exp(shifted) / sum + 1e-40);
            }
          }
        }
        for (core::ThreadPool* pool : {&two, &five}) {
          std::vector<float> again(y.size(), 77);
          run_softmax(kernel, args, x.data(), again.data(), *pool);
          ASSERT_EQ(std::memcmp(y.data(), again.data(), y.size() * 4), 0);
        }
        std::vector<float> in_place = x;
        run_softmax(kernel, args, in_place.data(), in_place.data(), one);
        ASSERT_TRUE(std::equal(in_place.begin(), in_place.end(), y.begin()));
      }
    }
  }
}

TEST(Softmax, LargeValuesAndNan) {
  core::ThreadPool pool(1);
  const float inf = std::numeric_limits<float>::infinity();
  for (const Isa isa : core::available_isas()) {
    const SoftmaxKernel kernel = select_softmax(DType::kF32, isa);
    const float x[4] = {1e30f, 1e30f, -1e30f, -inf};
    float y[4];
    run_softmax(kernel, {1, 4, 1}, x, y, pool);
    EXPECT_EQ((std::vector<float>(y, y + 4)), (std::vector<float>{0.5f, 0.5f, 0, 0}));
    const float z[3] = {1, NAN, 2};
    run_softmax(kernel, {1, 3, 1}, z, y, pool);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(y[i]));
  }
}

struct LossCase {
  CrossEntropyArgs args;
  bool weighted;
};

double loss_of(const CrossEntropyArgs& a, const std::vector<double>& x, const std::vector<int64_t>& labels, const std::vector<float>& weights,
               const std::vector<float>& upstream) {
  double total = 0, total_weight = 0;
  for (int64_t i = 0; i < a.batch * a.inner; ++i) {
    const int64_t label = labels[static_cast<size_t>(i)];
    if (a.has_ignore && label == a.ignore_index) continue;
    double sum = 0;
    const auto logit = [&](int64_t c) { return x[static_cast<size_t>((i / a.inner * a.classes + c) * a.inner + i % a.inner)]; };
    for (int64_t c = 0; c < a.classes; ++c) sum += std::exp(logit(c));
    const double w = weights.empty() ? 1 : static_cast<double>(weights[static_cast<size_t>(label)]);
    const double l = w * (std::log(sum) - logit(label));
    total += a.reduction == LossReduction::kNone ? l * static_cast<double>(upstream[static_cast<size_t>(i)]) : l * static_cast<double>(upstream[0]);
    total_weight += w;
  }
  return a.reduction == LossReduction::kMean ? total / total_weight : total;
}

TEST(CrossEntropy, LossAndGradientAgainstDouble) {
  core::ThreadPool one(1), five(5);
  core::StatusSlot status;
  for (const LossReduction reduction : {LossReduction::kNone, LossReduction::kSum, LossReduction::kMean}) {
    for (const bool weighted : {false, true}) {
      for (const int64_t inner : {1, 3}) {
        for (const bool ignore : {false, true}) {
          const CrossEntropyArgs args{5, 7, inner, reduction, ignore, 2, DType::kI64};
          const int64_t n = args.batch * args.classes * inner, positions = args.batch * inner;
          const std::vector<float> x = wave(n, 2);
          std::vector<double> wide(x.begin(), x.end());
          std::vector<int64_t> labels(static_cast<size_t>(positions));
          for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int64_t>(i * 3 % 7);
          const std::vector<float> weights = weighted ? std::vector<float>{0.5f, 1, 2, 0.25f, 1.5f, 1, 3} : std::vector<float>{};
          const std::vector<float> upstream = wave(positions, 1.5);
          const float* w = weighted ? weights.data() : nullptr;
          for (const Isa isa : core::available_isas()) {
            const SoftmaxKernel kernel = select_softmax(DType::kF32, isa);
            std::vector<float> logp(x.size()), loss(static_cast<size_t>(positions)), gradient(x.size()), scratch(static_cast<size_t>(positions));
            run_softmax(kernel, {args.batch, args.classes, inner, true}, x.data(), logp.data(), one);
            run_cross_entropy(args, logp.data(), labels.data(), w, loss.data(), status);
            double got = 0;
            if (reduction == LossReduction::kNone) {
              for (size_t i = 0; i < loss.size(); ++i) got += static_cast<double>(loss[i]) * static_cast<double>(upstream[i]);
            } else {
              got = static_cast<double>(loss[0]) * static_cast<double>(upstream[0]);
            }
            EXPECT_NEAR(got, loss_of(args, wide, labels, weights, upstream), 1e-5);
            run_cross_entropy_gradient(kernel, args, upstream.data(), logp.data(), labels.data(), w, gradient.data(), scratch.data(), one, status);
            for (size_t i = 0; i < x.size(); ++i) {
              std::vector<double> up = wide, down = wide;
              up[i] += 1e-5;
              down[i] -= 1e-5;
              const double slope = (loss_of(args, up, labels, weights, upstream) - loss_of(args, down, labels, weights, upstream)) / 2e-5;
              ASSERT_NEAR(gradient[i], slope, 2e-6) << i;
            }
            std::vector<float> again(x.size());
            run_cross_entropy_gradient(kernel, args, upstream.data(), logp.data(), labels.data(), w, again.data(), scratch.data(), five, status);
            EXPECT_EQ(gradient, again);
          }
        }
      }
    }
  }
  EXPECT_TRUE(status.status().ok());
  const int32_t bad[] = {9};
  const float logp[] = {-1, -1};
  float loss;
  run_cross_entropy({1, 2, 1, LossReduction::kSum, false, 0, DType::kI32}, logp, bad, nullptr, &loss, status);
  EXPECT_STREQ(status.status().text, "label out of range");
  EXPECT_EQ(status.status().values[0], 9);
}

}  // namespace
}  // namespace omni::kernels
