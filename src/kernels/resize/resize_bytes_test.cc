#include "kernels/resize/resize_bytes.h"

#include <gtest/gtest.h>

namespace omni::kernels {
namespace {

using core::Shape;

template <class T>
std::vector<T> resize(const std::vector<T>& x, Shape in, Shape out, std::vector<int> axes, ResizeCoordinates coordinates) {
  ResizeBytesPlan plan{in, out, {}, std::is_signed_v<T>};
  for (const int a : axes)
    plan.axes.push_back(plan_linear_axis(a, in[a], out[a], static_cast<float>(out[a]) / static_cast<float>(in[a]), coordinates));
  std::vector<T> y(static_cast<size_t>(out.count()));
  core::ThreadPool pool(2);
  run_resize_bytes(plan, x.data(), y.data(), pool);
  return y;
}

// Numbers of onnxruntime 1.32 (Resize, mode linear): cut towards zero, not rounded.
TEST(ResizeBytes, AsOnnxRuntimeHasThem) {
  EXPECT_EQ(resize<uint8_t>({0, 10, 21, 255}, Shape{2, 2}, Shape{4, 4}, {0, 1}, ResizeCoordinates::kHalfPixel),
            (std::vector<uint8_t>{0, 2, 7, 10, 5, 21, 54, 71, 15, 60, 149, 193, 21, 79, 196, 255}));
  EXPECT_EQ(resize<int8_t>({-10, 5, -3, -128}, Shape{2, 2}, Shape{4, 4}, {0, 1}, ResizeCoordinates::kHalfPixel),
            (std::vector<int8_t>{-10, -6, 1, 5, -8, -13, -23, -28, -4, -27, -72, -94, -3, -34, -96, -128}));
}

// One cell of two elements a side, its middle: the mean of the corners, whatever the number of axes.
TEST(ResizeBytes, TheMiddleIsTheMeanOfTheCorners) {
  EXPECT_EQ(resize<uint8_t>({10, 20}, Shape{2}, Shape{3}, {0}, ResizeCoordinates::kAlignCorners), (std::vector<uint8_t>{10, 15, 20}));
  const std::vector<uint8_t> cube =
      resize<uint8_t>({0, 8, 16, 24, 32, 40, 48, 56}, Shape{2, 2, 2}, Shape{3, 3, 3}, {0, 1, 2}, ResizeCoordinates::kAlignCorners);
  EXPECT_EQ(cube[13], 28);
  EXPECT_EQ(cube[0], 0);
  EXPECT_EQ(cube[26], 56);
  // Channels behind the axes stay apart.
  EXPECT_EQ(resize<uint8_t>({0, 100, 10, 200}, Shape{2, 2}, Shape{3, 2}, {0}, ResizeCoordinates::kAlignCorners),
            (std::vector<uint8_t>{0, 100, 5, 150, 10, 200}));
}

}  // namespace
}  // namespace omni::kernels
