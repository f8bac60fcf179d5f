// Compress and Unique: sizes that the data decides.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

TEST(Compress, Cases) {
  const Tensor x = Tensor::of<int64_t>(Shape{3, 2}, {1, 2, 3, 4, 5, 6}), both = Tensor::of<bool>(Shape{2}, {false, true});
  check({.name = "columns", .op = &kCompress, .inputs = {x, both}, .attributes = {{"axis", int64_t{1}}}, .expected = {{2, 4, 6}}});
  check({.name = "rows, a short condition", .op = &kCompress, .inputs = {x, both}, .attributes = {{"axis", int64_t{0}}}, .expected = {{3, 4}}});
  check({.name = "flat", .op = &kCompress, .inputs = {x, Tensor::of<bool>(Shape{5}, {true, false, false, true, true})}, .expected = {{1, 4, 5}}});
}

TEST(Unique, Cases) {
  const Tensor x = Tensor::of<int64_t>(Shape{6}, {2, 1, 1, 3, 4, 3});
  check({.name = "sorted", .op = &kUnique, .inputs = {x}, .outputs = 4, .expected = {{1, 2, 3, 4}, {1, 0, 3, 4}, {1, 0, 0, 2, 3, 2}, {2, 1, 2, 1}}});
  check({.name = "in order",
         .op = &kUnique,
         .inputs = {x},
         .attributes = {{"sorted", int64_t{0}}},
         .outputs = 4,
         .expected = {{2, 1, 3, 4}, {0, 1, 3, 4}, {0, 1, 1, 2, 3, 2}, {1, 2, 2, 1}}});
  const Tensor rows = Tensor::of<int64_t>(Shape{3, 2}, {1, 0, 1, 0, 0, 5});
  check({.name = "rows",
         .op = &kUnique,
         .inputs = {rows},
         .attributes = {{"axis", int64_t{0}}},
         .outputs = 4,
         .expected = {{0, 5, 1, 0}, {2, 0}, {1, 1, 0}, {1, 2}},
         .shapes = {Shape{2, 2}}});
}

}  // namespace
}  // namespace omni::ops
