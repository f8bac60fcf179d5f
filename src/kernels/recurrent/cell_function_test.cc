// Activations of recurrent cells and their slopes, against their formulas.
#include "kernels/recurrent/cell_function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>

namespace omni::kernels {
namespace {

struct Row {
  CellFunction function;
  std::function<double(double)> f;
};

const Row kRows[] = {
    {{CellActivation::kRelu, 0, 0}, [](double x) { return x > 0 ? x : 0; }},
    {{CellActivation::kTanh, 0, 0}, [](double x) { return std::tanh(x); }},
    {{CellActivation::kSigmoid, 0, 0}, [](double x) { return 1 / (1 + std::exp(-x)); }},
    {{CellActivation::kAffine, 0.5f, 0.25f}, [](double x) { return 0.5 * x + 0.25; }},
    {{CellActivation::kLeakyRelu, 0.125f, 0}, [](double x) { return x < 0 ? 0.125 * x : x; }},
    {{CellActivation::kThresholdedRelu, 0.5f, 0}, [](double x) { return x > 0.5 ? x : 0; }},
    {{CellActivation::kScaledTanh, 1.5f, 0.5f}, [](double x) { return 1.5 * std::tanh(0.5 * x); }},
    {{CellActivation::kHardSigmoid, 0.25f, 0.5f}, [](double x) { return std::min(1.0, std::max(0.0, 0.25 * x + 0.5)); }},
    {{CellActivation::kElu, 0.75f, 0}, [](double x) { return x < 0 ? 0.75 * std::expm1(x) : x; }},
    {{CellActivation::kSoftsign, 0, 0}, [](double x) { return x / (1 + std::fabs(x)); }},
    {{CellActivation::kSoftplus, 0, 0}, [](double x) { return std::log1p(std::exp(x)); }},
};

TEST(CellFunction, ValuesAndSlopes) {
  std::vector<float> points;
  for (int i = -40; i <= 40; ++i) points.push_back(0.1f * static_cast<float>(i) + 0.03f);  // 0.03 from every kink
  for (const core::Isa isa : core::available_isas()) {
    for (const float clip : {0.0f, 1.0f}) {
      for (const Row& row : kRows) {
        const BoundFunction bound(row.function, clip, isa);
        const auto f = [&](double x) { return row.f(clip > 0 ? std::min(1.0, std::max(-1.0, x)) : x); };
        std::vector<float> y(points.size());
        bound.apply(points.data(), y.data(), static_cast<int64_t>(y.size()));
        for (size_t i = 0; i < y.size(); ++i) {
          const double x = static_cast<double>(points[i]), slope = (f(x + 1e-4) - f(x - 1e-4)) / 2e-4;
          EXPECT_NEAR(y[i], f(x), 1e-6 * std::max(1.0, std::fabs(f(x)))) << static_cast<int>(row.function.kind) << " at " << x;
          EXPECT_NEAR(bound.slope(points[i], y[i]), slope, 2e-6) << static_cast<int>(row.function.kind) << " at " << x;
        }
      }
    }
  }
}

}  // namespace
}  // namespace omni::kernels
