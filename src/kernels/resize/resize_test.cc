#include "kernels/resize/resize.h"

#include <gtest/gtest.h>

#include <vector>

namespace omni::kernels {
namespace {

using core::Shape;

std::vector<float> resize_row(const std::vector<float>& x, int64_t out, double scale, const ResizeOptions& options) {
  core::ThreadPool pool(2);
  ResizePlan plan{Shape{static_cast<int64_t>(x.size())}, {plan_resize_axis(0, static_cast<int64_t>(x.size()), out, scale, options)}, 4};
  std::vector<float> y(static_cast<size_t>(out));
  run_resize(plan, x.data(), y.data(), nullptr, pool);
  return y;
}

TEST(Resize, NearestRounds) {
  const std::vector<float> x = {1, 2};
  ResizeOptions o;
  o.coordinates = ResizeCoordinates::kAsymmetric;
  o.nearest = ResizeNearest::kFloor;
  EXPECT_EQ(resize_row(x, 4, 2, o), (std::vector<float>{1, 1, 2, 2}));
  o.nearest = ResizeNearest::kCeil;
  EXPECT_EQ(resize_row(x, 4, 2, o), (std::vector<float>{1, 2, 2, 2}));
  o.nearest = ResizeNearest::kRoundPreferFloor;
  EXPECT_EQ(resize_row(x, 4, 2, o), (std::vector<float>{1, 1, 2, 2}));
  o.nearest = ResizeNearest::kRoundPreferCeil;
  EXPECT_EQ(resize_row(x, 4, 2, o), (std::vector<float>{1, 2, 2, 2}));
}

TEST(Resize, LinearAndCubicByHand) {
  ResizeOptions o;
  o.mode = ResizeMode::kLinear;
  EXPECT_EQ(resize_row({1, 2}, 4, 2, o), (std::vector<float>{1, 1.25f, 1.75f, 2}));
  o.coordinates = ResizeCoordinates::kAlignCorners;
  EXPECT_EQ(resize_row({1, 2, 5}, 5, 5.0 / 3, o), (std::vector<float>{1, 1.5f, 2, 3.5f, 5}));
  o.mode = ResizeMode::kCubic;
  o.coordinates = ResizeCoordinates::kHalfPixel;
  const std::vector<float> constant = resize_row({3, 3, 3, 3}, 7, 7.0 / 4, o);
  for (const float v : constant) EXPECT_NEAR(v, 3, 1e-6);
  // At x = 0.5 between 1 and 2 of {0, 1, 2, 3}: a straight line stays one.
  EXPECT_NEAR(resize_row({0, 1, 2, 3}, 2, 0.5, o)[0], 0.5f, 0.1f);
}

TEST(Resize, AntialiasAveragesWhatIsTakenTogether) {
  ResizeOptions o;
  o.mode = ResizeMode::kLinear;
  o.antialias = true;
  const std::vector<float> y = resize_row({0, 0, 4, 4}, 2, 0.5, o);  // weights 1/8 3/8 3/8 1/8, the border repeated
  EXPECT_NEAR(y[0], 0.5, 1e-6);
  EXPECT_NEAR(y[1], 3.5, 1e-6);
  o.exclude_outside = true;
  EXPECT_NEAR(resize_row({0, 0, 4, 4}, 2, 0.5, o)[0], 4.0 / 7, 1e-6);
}

TEST(Resize, TwoAxesAndThreads) {
  ResizeOptions o;
  o.mode = ResizeMode::kLinear;
  ResizePlan plan{Shape{2, 3, 4, 5}, {plan_resize_axis(2, 4, 9, 9.0 / 4, o), plan_resize_axis(3, 5, 3, 3.0 / 5, o)}, 4};
  std::vector<float> x(120), first(2 * 3 * 9 * 3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7 % 13);
  std::vector<char> scratch(resize_scratch_bytes(plan));
  core::ThreadPool one(1), five(5);
  run_resize(plan, x.data(), first.data(), scratch.data(), one);
  std::vector<float> again(first.size());
  run_resize(plan, x.data(), again.data(), scratch.data(), five);
  EXPECT_EQ(first, again);
  for (int64_t image = 0; image < 6; ++image) {
    for (int64_t i = 0; i < 9; ++i) {
      for (int64_t j = 0; j < 3; ++j) {
        double expected = 0;
        for (int t = 0; t < 2; ++t) {
          for (int u = 0; u < 2; ++u) {
            expected +=
                static_cast<double>(plan.axes[0].weights[static_cast<size_t>(i * 2 + t)] * plan.axes[1].weights[static_cast<size_t>(j * 2 + u)]) *
                static_cast<double>(x[static_cast<size_t>((image * 4 + plan.axes[0].positions[static_cast<size_t>(i * 2 + t)]) * 5 +
                                                          plan.axes[1].positions[static_cast<size_t>(j * 2 + u)])]);
          }
        }
        EXPECT_NEAR(first[static_cast<size_t>((image * 9 + i) * 3 + j)], expected, 1e-5);
      }
    }
  }
}

}  // namespace
}  // namespace omni::kernels
