// Operators whose elements go by computed positions.
#include <gtest/gtest.h>

#include "core/error.h"
#include "ops/evaluate.h"
#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

const Tensor kMatrix = Tensor::of<float>(Shape{3, 2}, {1, 2, 3, 4, 5, 6});

Tensor index_matrix(Shape shape, std::initializer_list<int64_t> v) { return Tensor::of<int64_t>(shape, v); }

TEST(GatherElements, Operator) {
  check({.name = "rows", .op = &kGatherElements, .inputs = {kMatrix, index_matrix(Shape{2, 2}, {2, 0, -1, 1})}, .expected = {{5, 2, 5, 4}}});
  check({.name = "columns",
         .op = &kGatherElements,
         .inputs = {kMatrix, index_matrix(Shape{3, 1}, {1, 0, 1})},
         .attributes = {{"axis", int64_t{1}}},
         .expected = {{2, 3, 6}}});
  check({.name = "i32", .op = &kGatherElements, .inputs = {kMatrix, Tensor::of<int32_t>(Shape{1, 2}, {1, 2})}, .expected = {{3, 6}}});
}

TEST(GatherND, Operator) {
  check({.name = "elements",
         .op = &kGatherND,
         .inputs = {kMatrix, index_matrix(Shape{2, 2}, {0, 1, -1, 0})},
         .expected = {{2, 5}},
         .shapes = {Shape{2}}});
  check({.name = "rows",
         .op = &kGatherND,
         .inputs = {kMatrix, index_matrix(Shape{2, 1}, {2, 0})},
         .expected = {{5, 6, 1, 2}},
         .shapes = {Shape{2, 2}}});
  check({.name = "batches",
         .op = &kGatherND,
         .inputs = {Tensor::of<float>(Shape{2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), index_matrix(Shape{2, 1}, {1, 0})},
         .attributes = {{"batch_dims", int64_t{1}}},
         .expected = {{3, 4, 5, 6}},
         .shapes = {Shape{2, 2}}});
}

TEST(Scatter, Elements) {
  const Tensor indices = index_matrix(Shape{1, 2}, {2, 2}), updates = Tensor::of<float>(Shape{1, 2}, {9, 8});
  check({.name = "set", .op = &kScatterElements, .inputs = {kMatrix, indices, updates}, .expected = {{1, 2, 3, 4, 9, 8}}});
  check({.name = "old name", .op = &kScatter, .inputs = {kMatrix, indices, updates}, .expected = {{1, 2, 3, 4, 9, 8}}});
  check({.name = "add",
         .op = &kScatterElements,
         .inputs = {kMatrix, index_matrix(Shape{3, 2}, {0, 0, 0, 0, -1, 1}), kMatrix},
         .attributes = {{"reduction", "add"}},
         .expected = {{5, 8, 3, 10, 10, 6}}});
  check({.name = "max",
         .op = &kScatterElements,
         .inputs = {kMatrix, index_matrix(Shape{1, 1}, {1}), Tensor::of<float>(Shape{1, 1}, {3.5f})},
         .attributes = {{"reduction", "max"}},
         .expected = {{1, 2, 3.5, 4, 5, 6}}});
}

TEST(Scatter, Rows) {
  const Tensor updates = Tensor::of<float>(Shape{2, 2}, {10, 20, 30, 40});
  check({.name = "set", .op = &kScatterND, .inputs = {kMatrix, index_matrix(Shape{2, 1}, {2, 0}), updates}, .expected = {{30, 40, 3, 4, 10, 20}}});
  check({.name = "mul, twice the same",
         .op = &kScatterND,
         .inputs = {kMatrix, index_matrix(Shape{2, 1}, {1, 1}), updates},
         .attributes = {{"reduction", "mul"}},
         .expected = {{1, 2, 900, 3200, 5, 6}}});
  check({.name = "elements",
         .op = &kScatterND,
         .inputs = {kMatrix, index_matrix(Shape{1, 2}, {1, 1}), Tensor::of<float>(Shape{1}, {7})},
         .expected = {{1, 2, 3, 7, 5, 6}}});
}

TEST(Scatter, AnIndexOutOfRangeIsReported) {
  Graph g;
  const Tensor indices = index_matrix(Shape{1, 1}, {3}), updates = Tensor::of<float>(Shape{1, 2}, {1, 1});
  const ValueId y = g.add1(kScatterND, {g.add_constant("x", kMatrix), g.add_constant("i", indices), g.add_constant("u", updates)});
  ThreadPool pool(1);
  const Inputs inputs = {kMatrix, indices, updates};
  EXPECT_THROW(evaluate(g.node(g.value(y).producer), inputs, pool, Isa::kScalar), Error);
}

TEST(OneHot, Operator) {
  const Tensor values = Tensor::of<float>(Shape{2}, {-1, 1});
  check({.name = "last",
         .op = &kOneHot,
         .inputs = {ints({1, -1, 5}), Tensor::scalar<int64_t>(3), values},
         .expected = {{-1, 1, -1, -1, -1, 1, -1, -1, -1}},
         .shapes = {Shape{3, 3}},
         .constants = {2}});
  check({.name = "first",
         .op = &kOneHot,
         .inputs = {Tensor::of<float>(Shape{2}, {0, 1}), scalar_f32(2), values},
         .attributes = {{"axis", int64_t{0}}},
         .expected = {{1, -1, -1, 1}},
         .constants = {0, 1, 2}});
}

TEST(CumSum, Operator) {
  const Tensor axis = Tensor::scalar<int64_t>(1);
  const Tensor x = Tensor::of<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  check({.name = "plain", .op = &kCumSum, .inputs = {x, axis}, .expected = {{1, 3, 6, 4, 9, 15}}});
  check({.name = "exclusive", .op = &kCumSum, .inputs = {x, axis}, .attributes = {{"exclusive", int64_t{1}}}, .expected = {{0, 1, 3, 0, 4, 9}}});
  check({.name = "reverse",
         .op = &kCumSum,
         .inputs = {x, Tensor::scalar<int32_t>(-2)},
         .attributes = {{"reverse", int64_t{1}}},
         .expected = {{5, 7, 9, 4, 5, 6}}});
}

TEST(TopK, Operator) {
  const Tensor x = Tensor::of<float>(Shape{2, 4}, {1, 4, 4, 2, -3, -1, -2, -1});
  check({.name = "largest", .op = &kTopK, .inputs = {x, ints({2})}, .outputs = 2, .expected = {{4, 4, -1, -1}, {1, 2, 1, 3}}});
  check({.name = "smallest",
         .op = &kTopK,
         .inputs = {x, ints({1})},
         .attributes = {{"largest", int64_t{0}}},
         .outputs = 2,
         .expected = {{1, -3}, {0, 0}}});
  check({.name = "columns",
         .op = &kTopK,
         .inputs = {x, ints({1})},
         .attributes = {{"axis", int64_t{0}}},
         .outputs = 2,
         .expected = {{1, 4, 4, 2}, {0, 0, 0, 0}}});
  expect_refused(kTopK, {Tensor::of<float>(Shape{2}, {1, 2}), ints({5})}, {}, "k is 5");
}

TEST(NonZero, Operator) {
  check({.name = "matrix",
         .op = &kNonZero,
         .inputs = {Tensor::of<float>(Shape{2, 2}, {1, 0, 2, 3})},
         .expected = {{0, 1, 1, 0, 0, 1}},
         .shapes = {Shape{2, 3}}});
}

}  // namespace
}  // namespace omni::ops
