// Pictures read at computed positions, regions, boxes.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

const Tensor kPicture = Tensor::of<float>(Shape{1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});

TEST(GridSample, Positions) {
  // (x, y) in [-1, 1]: the corner, the centre, half a picture outside.
  const Tensor grid = Tensor::of<float>(Shape{1, 1, 3, 2}, {-1, -1, 0, 0, 2, 0});
  const Attributes corners = {{"align_corners", int64_t{1}}};
  check({.name = "linear", .op = &kGridSample, .inputs = {kPicture, grid}, .attributes = corners, .expected = {{1, 3.5, 0}}});
  Attributes border = corners, reflection = corners, nearest = corners;
  border.set("padding_mode", "border");
  reflection.set("padding_mode", "reflection");
  nearest.set("mode", "nearest");
  check({.name = "border", .op = &kGridSample, .inputs = {kPicture, grid}, .attributes = border, .expected = {{1, 3.5, 4.5}}});
  check({.name = "reflection", .op = &kGridSample, .inputs = {kPicture, grid}, .attributes = reflection, .expected = {{1, 3.5, 3.5}}});
  check({.name = "nearest, ties to even", .op = &kGridSample, .inputs = {kPicture, grid}, .attributes = nearest, .expected = {{1, 2, 0}}});
  check({.name = "pixels as areas", .op = &kGridSample, .inputs = {kPicture, grid}, .expected = {{0.25, 3.5, 0}}});
  const Tensor nan = Tensor::of<float>(Shape{1, 1, 1, 2}, {__builtin_nanf(""), 0});
  check({.name = "NaN is outside", .op = &kGridSample, .inputs = {kPicture, nan}, .attributes = corners, .expected = {{0}}});
  expect_refused(kGridSample, {kPicture, wave(Shape{1, 1, 1, 3})}, {}, "3 coordinates");
}

TEST(AffineGrid, IsTheIdentityForTheIdentity) {
  const Tensor theta = Tensor::of<float>(Shape{1, 2, 3}, {1, 0, 0, 0, 1, 0.5f});
  check({.name = "areas", .op = &kAffineGrid, .inputs = {theta, ints({1, 1, 1, 2})}, .expected = {{-0.5, 0.5, 0.5, 0.5}}});
  check({.name = "corners",
         .op = &kAffineGrid,
         .inputs = {theta, ints({1, 1, 2, 2})},
         .attributes = {{"align_corners", int64_t{1}}},
         .expected = {{-1, -0.5, 1, -0.5, -1, 1.5, 1, 1.5}}});
  expect_refused(kAffineGrid, {theta, ints({1, 1, 2})}, {}, "size has not one number");
}

TEST(RoiAlign, Regions) {
  const Tensor rois = Tensor::of<float>(Shape{1, 4}, {0.5f, 0.5f, 2.5f, 1.5f});  // from the first pixel's centre to two columns and one row further
  const Attributes one = {{"sampling_ratio", int64_t{1}}, {"output_width", int64_t{2}}};
  check({.name = "average",
         .op = &kRoiAlign,
         .inputs = {kPicture, rois, ints({0})},
         .attributes = one,
         .expected = {{0.5 * (1 + 4) + 0.5, 0.5 * (1 + 4) + 1.5}}});
  Graph g;
  const ValueId y = g.add1(kRoiAlign, {g.add_constant("x", kPicture), g.add_constant("rois", rois), g.add_constant("batch", ints({7}))}, one);
  g.add_output(y);
  ThreadPool pool(1);
  EXPECT_THROW(run_graph(g, {}, pool, Isa::kScalar), Error);
}

TEST(MaxRoiPool, Regions) {
  const Tensor rois = Tensor::of<float>(Shape{1, 5}, {0, 1, 0, 2, 1});
  check({.name = "halves",
         .op = &kMaxRoiPool,
         .inputs = {kPicture, rois},
         .attributes = {{"pooled_shape", std::vector<int64_t>{1, 2}}},
         .expected = {{5, 6}}});
}

TEST(NonMaxSuppression, KeepsTheBest) {
  const Tensor boxes = Tensor::of<float>(Shape{1, 4, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 10, 1, 11, 1, 11, 0, 10});
  const Tensor scores = Tensor::of<float>(Shape{1, 1, 4}, {0.8f, 0.9f, 0.3f, 0.3f});
  const Tensor three = ints({3}), overlap = Tensor::of<float>(Shape{1}, {0.5f}), least = Tensor::of<float>(Shape{1}, {0.5f});
  check({.name = "one of each place",
         .op = &kNonMaxSuppression,
         .inputs = {boxes, scores, three, overlap},
         .expected = {{0, 0, 1, 0, 0, 2}},
         .constants = {0, 1, 3}});
  check({.name = "above a score",
         .op = &kNonMaxSuppression,
         .inputs = {boxes, scores, three, overlap, least},
         .expected = {{0, 0, 1}},
         .constants = {0, 1, 3, 4}});
  check({.name = "none wanted", .op = &kNonMaxSuppression, .inputs = {boxes, scores}, .expected = {{}}, .constants = {0, 1}});
}

TEST(CropAndResize, ReadsTheRegion) {
  const Attributes crop = {{"mode", "linear"}, {"coordinate_transformation_mode", "tf_crop_and_resize"}, {"extrapolation_value", 9.0f}};
  const Tensor roi = Tensor::of<float>(Shape{8}, {0, 0, 0, 0.5f, 1, 1, 1, 1.5f});  // the right half, and as much beyond
  check({.name = "half outside",
         .op = &kResize,
         .inputs = {kPicture, roi, std::nullopt, ints({1, 1, 2, 3})},
         .attributes = crop,
         .expected = {{2, 3, 9, 5, 6, 9}}});
}

}  // namespace
}  // namespace omni::ops
