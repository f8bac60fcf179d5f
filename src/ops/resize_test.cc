#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

Tensor floats(std::initializer_list<float> v) { return Tensor::of<float>(Shape{static_cast<int64_t>(v.size())}, v); }

TEST(Resize, Operator) {
  const Tensor x = Tensor::of<float>(Shape{1, 1, 2, 2}, {1, 2, 3, 4});
  check({.name = "nearest",
         .op = &kResize,
         .inputs = {x, std::nullopt, floats({1, 1, 2, 2})},
         .expected = {{1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4}},
         .shapes = {Shape{1, 1, 4, 4}},
         .constants = {2}});
  check({.name = "linear",
         .op = &kResize,
         .inputs = {x, std::nullopt, floats({1, 1, 2, 2})},
         .attributes = {{"mode", "linear"}},
         .expected = {{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4}},
         .constants = {2}});
  check({.name = "sizes",
         .op = &kResize,
         .inputs = {x, std::nullopt, std::nullopt, ints({1, 1, 3, 3})},
         .attributes = {{"mode", "linear"}, {"coordinate_transformation_mode", "align_corners"}},
         .expected = {{1, 1.5, 2, 2, 2.5, 3, 3, 3.5, 4}}});
  check({.name = "axes",
         .op = &kResize,
         .inputs = {x, std::nullopt, std::nullopt, ints({4})},
         .attributes = {{"axes", std::vector<int64_t>{3}}},
         .expected = {{1, 1, 2, 2, 3, 3, 4, 4}}});
  check({.name = "not larger",
         .op = &kResize,
         .inputs = {x, std::nullopt, std::nullopt, ints({4, 8})},
         .attributes = {{"axes", std::vector<int64_t>{2, 3}}, {"keep_aspect_ratio_policy", "not_larger"}},
         .shapes = {Shape{1, 1, 4, 4}}});
  check({.name = "images",
         .op = &kResize,
         .inputs = {wave(Shape{2, 3, 2, 3}), std::nullopt, floats({1, 1, 2, 1})},
         .reference =
             [](const Inputs& in) {
               const std::vector<double> v = to_double(*in[0]);
               Outputs out(1);
               for (int64_t i = 0; i < 2 * 3 * 4 * 3; ++i) out[0].push_back(v[static_cast<size_t>((i / 12) * 6 + i / 3 % 4 / 2 * 3 + i % 3)]);
               return out;
             },
         .constants = {2}});
  check({.name = "upsample", .op = &kUpsample, .inputs = {x, floats({1, 1, 1, 2})}, .expected = {{1, 1, 2, 2, 3, 3, 4, 4}}, .constants = {1}});
  expect_refused(kResize, {x, std::nullopt, std::nullopt, ints({1, 2})}, {}, "not one size an axis");
}

}  // namespace
}  // namespace omni::ops
