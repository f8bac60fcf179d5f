// Operators that move elements, and those that speak of shapes.
#include <gtest/gtest.h>

#include "core/error.h"
#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kReshapeGradient, kFlattenGradient, kSqueezeGradient, kUnsqueezeGradient, kTransposeGradient, kConcatGradient, kSplitGradient,
    kSliceGradient, kGatherGradient, kPadGradient, kExpandGradient;

namespace {

Outputs same(const Inputs& in) { return {to_double(*in[0])}; }

// Values picked from input 0 by flat position, -1 for 0.
std::function<Outputs(const Inputs&)> picked(std::vector<int> positions) {
  return [positions = std::move(positions)](const Inputs& in) {
    const std::vector<double> x = to_double(*in[0]);
    Outputs out(1);
    for (const int p : positions) out[0].push_back(p < 0 ? 0 : x[static_cast<size_t>(p)]);
    return out;
  };
}

TEST(Views, KeepTheElements) {
  const Tensor x = wave(Shape{2, 1, 3, 4});
  check(
      {.name = "reshape", .op = &kReshape, .inputs = {x, ints({0, -1})}, .reference = same, .shapes = {Shape{2, 12}}, .gradient = &kReshapeGradient});
  check({.name = "reshape to a scalar",
         .op = &kReshape,
         .inputs = {wave(Shape{1}), ints({})},
         .reference = same,
         .shapes = {Shape{}},
         .gradient = &kReshapeGradient});
  check({.name = "flatten",
         .op = &kFlatten,
         .inputs = {x},
         .attributes = {{"axis", int64_t{2}}},
         .reference = same,
         .shapes = {Shape{2, 12}},
         .gradient = &kFlattenGradient});
  check({.name = "flatten 0",
         .op = &kFlatten,
         .inputs = {x},
         .attributes = {{"axis", int64_t{0}}},
         .reference = same,
         .shapes = {Shape{1, 24}},
         .gradient = &kFlattenGradient});
  check(
      {.name = "squeeze", .op = &kSqueeze, .inputs = {x, ints({-3})}, .reference = same, .shapes = {Shape{2, 3, 4}}, .gradient = &kSqueezeGradient});
  check({.name = "squeeze all", .op = &kSqueeze, .inputs = {x}, .reference = same, .shapes = {Shape{2, 3, 4}}, .gradient = &kSqueezeGradient});
  check({.name = "unsqueeze",
         .op = &kUnsqueeze,
         .inputs = {wave(Shape{2, 3}), ints({0, -1})},
         .reference = same,
         .shapes = {Shape{1, 2, 3, 1}},
         .gradient = &kUnsqueezeGradient});
  check({.name = "stop", .op = &kStopGradient, .inputs = {x}, .reference = same});
  check({.name = "dropout", .op = &kDropout, .inputs = {wave(Shape{3}), scalar_f32(0.5f)}, .outputs = 2, .reference = [](const Inputs& in) {
           return Outputs{to_double(*in[0]), {1, 1, 1}};
         }});
  expect_refused(kReshape, {x, ints({5, 5})}, {}, "24 elements");
  expect_refused(kReshape, {x, ints({-1, -1})}, {}, "two -1");
  expect_refused(kSqueeze, {x, ints({0})}, {}, "not 1");
}

TEST(Transpose, Operator) {
  check({.name = "matrix",
         .op = &kTranspose,
         .inputs = {wave(Shape{2, 3})},
         .reference = picked({0, 3, 1, 4, 2, 5}),
         .shapes = {Shape{3, 2}},
         .gradient = &kTransposeGradient});
  check({.name = "perm",
         .op = &kTranspose,
         .inputs = {wave(Shape{2, 1, 3})},
         .attributes = {{"perm", std::vector<int64_t>{1, 2, 0}}},
         .reference = picked({0, 3, 1, 4, 2, 5}),
         .shapes = {Shape{1, 3, 2}},
         .gradient = &kTransposeGradient});
  check({.name = "u8", .op = &kTranspose, .inputs = {Tensor::of<uint8_t>(Shape{2, 2}, {1, 2, 3, 4})}, .expected = {{1, 3, 2, 4}}});
  expect_refused(kTranspose, {wave(Shape{2, 3})}, {{"perm", std::vector<int64_t>{0, 0}}}, "no permutation");
}

TEST(Concat, Operator) {
  const auto joined = [](const Inputs& in) {
    Outputs out(1);
    for (const auto& t : in) {
      const std::vector<double> v = to_double(*t);
      out[0].insert(out[0].end(), v.begin(), v.end());
    }
    return out;
  };
  check({.name = "rows",
         .op = &kConcat,
         .inputs = {wave(Shape{2, 3}), wave(Shape{1, 3}, 2), wave(Shape{3, 3}, 3)},
         .attributes = {{"axis", int64_t{0}}},
         .reference = joined,
         .shapes = {Shape{6, 3}},
         .gradient = &kConcatGradient});
  check({.name = "channels",
         .op = &kConcat,
         .inputs = {wave(Shape{1, 2, 3, 4}), wave(Shape{1, 3, 3, 4}, 2)},
         .attributes = {{"axis", int64_t{1}}},
         .reference = joined,
         .shapes = {Shape{1, 5, 3, 4}},
         .gradient = &kConcatGradient});
  check({.name = "columns",
         .op = &kConcat,
         .inputs = {Tensor::of<float>(Shape{2, 1}, {1, 2}), Tensor::of<float>(Shape{2, 2}, {3, 4, 5, 6})},
         .attributes = {{"axis", int64_t{-1}}},
         .expected = {{1, 3, 4, 2, 5, 6}},
         .gradient = &kConcatGradient});
  expect_refused(kConcat, {wave(Shape{2, 3}), wave(Shape{2, 4})}, {{"axis", int64_t{0}}}, "differ in dimension 1");
}

TEST(Split, Operator) {
  const Tensor x = Tensor::of<float>(Shape{2, 3}, {1, 2, 3, 4, 5, 6});
  check({.name = "sizes",
         .op = &kSplit,
         .inputs = {x, ints({1, 2})},
         .attributes = {{"axis", int64_t{1}}},
         .outputs = 2,
         .expected = {{1, 4}, {2, 3, 5, 6}},
         .gradient = &kSplitGradient});
  check({.name = "equal",
         .op = &kSplit,
         .inputs = {x},
         .attributes = {{"num_outputs", int64_t{2}}},
         .outputs = 2,
         .expected = {{1, 2, 3}, {4, 5, 6}},
         .gradient = &kSplitGradient});
  check({.name = "last smaller",
         .op = &kSplit,
         .inputs = {x},
         .attributes = {{"axis", int64_t{1}}, {"num_outputs", int64_t{2}}},
         .outputs = 2,
         .expected = {{1, 2, 4, 5}, {3, 6}},
         .gradient = &kSplitGradient});
  check({.name = "channels",
         .op = &kSplit,
         .inputs = {wave(Shape{1, 5, 2, 3}), ints({2, 3})},
         .attributes = {{"axis", int64_t{1}}},
         .outputs = 2,
         .reference =
             [](const Inputs& in) {
               const std::vector<double> v = to_double(*in[0]);
               return Outputs{{v.begin(), v.begin() + 12}, {v.begin() + 12, v.end()}};
             },
         .gradient = &kSplitGradient});
  expect_refused(kSplit, {x, ints({1, 1})}, {{"axis", int64_t{1}}}, "split lists 2 sizes for 1 outputs");
}

TEST(Slice, Operator) {
  const Tensor x = wave(Shape{3, 4});
  check({.name = "plain",
         .op = &kSlice,
         .inputs = {x, ints({1, 0}), ints({3, 2})},
         .reference = picked({4, 5, 8, 9}),
         .shapes = {Shape{2, 2}},
         .gradient = &kSliceGradient});
  check({.name = "axes, negative",
         .op = &kSlice,
         .inputs = {x, ints({-2}), ints({INT64_MAX}), ints({1})},
         .reference = picked({2, 3, 6, 7, 10, 11}),
         .gradient = &kSliceGradient});
  check({.name = "backwards",
         .op = &kSlice,
         .inputs = {x, ints({-1}), ints({INT64_MIN}), ints({0}), ints({-2})},
         .reference = picked({8, 9, 10, 11, 0, 1, 2, 3}),
         .gradient = &kSliceGradient});
  check({.name = "steps",
         .op = &kSlice,
         .inputs = {x, ints({0, 3}), ints({9, 0}), ints({0, 1}), ints({2, -2})},
         .reference = picked({3, 1, 11, 9}),
         .gradient = &kSliceGradient});
  check({.name = "empty", .op = &kSlice, .inputs = {x, ints({2}), ints({1}), ints({0})}, .reference = picked({}), .shapes = {Shape{0, 4}}});
  check({.name = "channels",
         .op = &kSlice,
         .inputs = {wave(Shape{1, 3, 2, 2}), ints({1}), ints({3}), ints({1})},
         .reference = picked({4, 5, 6, 7, 8, 9, 10, 11}),
         .gradient = &kSliceGradient});
  expect_refused(kSlice, {x, ints({0}), ints({1}), ints({0}), ints({0})}, {}, "a step is 0");
}

TEST(Gather, Operator) {
  const Tensor x = wave(Shape{3, 2});
  check({.name = "rows",
         .op = &kGather,
         .inputs = {x, ints({2, 0, -1})},
         .reference = picked({4, 5, 0, 1, 4, 5}),
         .shapes = {Shape{3, 2}},
         .gradient = &kGatherGradient});
  check({.name = "scalar index",
         .op = &kGather,
         .inputs = {x, Tensor::scalar<int64_t>(1)},
         .attributes = {{"axis", int64_t{1}}},
         .reference = picked({1, 3, 5}),
         .shapes = {Shape{3}},
         .gradient = &kGatherGradient});
  check({.name = "i32, matrix of indices",
         .op = &kGather,
         .inputs = {x, Tensor::of<int32_t>(Shape{2, 1}, {1, 1})},
         .reference = picked({2, 3, 2, 3}),
         .shapes = {Shape{2, 1, 2}},
         .gradient = &kGatherGradient});
}

TEST(Pad, Operator) {
  const Tensor x = wave(Shape{2, 2});
  check({.name = "zeros",
         .op = &kPad,
         .inputs = {x, ints({0, 1, 1, 0})},
         .reference = picked({-1, 0, 1, -1, 2, 3, -1, -1, -1}),
         .shapes = {Shape{3, 3}},
         .gradient = &kPadGradient});
  check({.name = "value", .op = &kPad, .inputs = {ints({1, 2}), ints({1, 1}), Tensor::scalar<int64_t>(9)}, .expected = {{9, 1, 2, 9}}});
  check({.name = "axes",
         .op = &kPad,
         .inputs = {x, ints({1, 0}), std::nullopt, ints({-1})},
         .reference = picked({-1, 0, 1, -1, 2, 3}),
         .gradient = &kPadGradient});
  check({.name = "crop",
         .op = &kPad,
         .inputs = {x, ints({-1, 0, 0, 1})},
         .reference = picked({2, 3, -1}),
         .shapes = {Shape{1, 3}},
         .gradient = &kPadGradient});
  check({.name = "reflect",
         .op = &kPad,
         .inputs = {wave(Shape{3}), ints({2, 1})},
         .attributes = {{"mode", "reflect"}},
         .reference = picked({2, 1, 0, 1, 2, 1})});
  check({.name = "edge",
         .op = &kPad,
         .inputs = {wave(Shape{3}), ints({2, 1})},
         .attributes = {{"mode", "edge"}},
         .reference = picked({0, 0, 0, 1, 2, 2})});
  check({.name = "wrap",
         .op = &kPad,
         .inputs = {wave(Shape{3}), ints({2, 1})},
         .attributes = {{"mode", "wrap"}},
         .reference = picked({1, 2, 0, 1, 2, 0})});
  check({.name = "images",
         .op = &kPad,
         .inputs = {wave(Shape{1, 2, 1, 2}), ints({0, 0, 1, 1, 0, 1, 0, 0})},
         .reference = picked({-1, -1, -1, -1, 0, 1, -1, -1, -1, -1, 2, 3, -1, -1, -1, -1, -1, -1}),
         .gradient = &kPadGradient});
  expect_refused(kPad, {x, ints({0, 1})}, {}, "2 entries for 2 dimensions");
}

TEST(Expand, Operator) {
  check({.name = "both ways",
         .op = &kExpand,
         .inputs = {wave(Shape{3, 1}), ints({2, 1, 2})},
         .reference = picked({0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2}),
         .shapes = {Shape{2, 3, 2}},
         .gradient = &kExpandGradient});
}

TEST(Constants, OfShapeAndRange) {
  check({.name = "zeros", .op = &kConstantOfShape, .inputs = {ints({2, 2})}, .expected = {{0, 0, 0, 0}}, .shapes = {Shape{2, 2}}});
  check({.name = "fives", .op = &kConstantOfShape, .inputs = {ints({3})}, .attributes = {{"value", ints({5})}}, .expected = {{5, 5, 5}}});
  check({.name = "range",
         .op = &kRange,
         .inputs = {Tensor::scalar<int64_t>(3), Tensor::scalar<int64_t>(9), Tensor::scalar<int64_t>(2)},
         .expected = {{3, 5, 7}}});
  check({.name = "down",
         .op = &kRange,
         .inputs = {Tensor::scalar<int64_t>(3), Tensor::scalar<int64_t>(0), Tensor::scalar<int64_t>(-1)},
         .expected = {{3, 2, 1}}});
  check(
      {.name = "floats", .op = &kRange, .inputs = {scalar_f32(1), scalar_f32(2), scalar_f32(0.5f)}, .expected = {{1, 1.5}}, .constants = {0, 1, 2}});
  check({.name = "shape", .op = &kShape, .inputs = {wave(Shape{2, 3, 4})}, .expected = {{2, 3, 4}}});
  check({.name = "part",
         .op = &kShape,
         .inputs = {wave(Shape{2, 3, 4})},
         .attributes = {{"start", int64_t{-2}}, {"end", int64_t{2}}},
         .expected = {{3}}});
  check({.name = "size", .op = &kSize, .inputs = {wave(Shape{2, 3, 4})}, .expected = {{24}}});
  Graph g;
  const ValueId c = g.add1(kConstant, {}, {{"value_ints", std::vector<int64_t>{1, 2}}});
  EXPECT_EQ(g.type(c), Type(DType::kI64, Shape{2}));
  EXPECT_EQ(g.value(c).contents->at(1), Dim(2));
}

// What exporters write to flatten a batch: Shape → Gather → Unsqueeze → Concat → Reshape keeps the batch's symbol.
TEST(Contents, AReshapeOfAnUnknownBatchIsKnown) {
  Graph g;
  const ValueId x = g.add_input("x", Type(DType::kF32, std::vector<Dim>{g.dims().symbol("N"), 3, 4, 5}));
  const ValueId n = g.add1(kGather, {g.add1(kShape, {x}), g.add_constant("zero", Tensor::scalar<int64_t>(0))}, {{"axis", int64_t{0}}});
  const ValueId list =
      g.add1(kConcat, {g.add1(kUnsqueeze, {n, g.add_constant("axes", ints({0}))}), g.add_constant("rest", ints({-1}))}, {{"axis", int64_t{0}}});
  EXPECT_EQ(type_text(g.type(g.add1(kReshape, {x, list})), g.dims()), "f32[N,60]");
  const ValueId half = g.add1(kDiv, {g.add1(kSlice, {g.add1(kShape, {x}), g.add_constant("s", ints({2})), g.add_constant("e", ints({INT64_MAX}))}),
                                     g.add_constant("two", ints({2}))});
  EXPECT_EQ(*g.value(half).contents, (Contents{2, 2}));
}

// expand(n, -1) as PyTorch's exporter writes it: a size is never -1, so the shape is known.
TEST(Contents, ASizeIsNotMinusOne) {
  Graph g;
  const ValueId x = g.add_input("x", Type(DType::kF32, {g.dims().symbol("N"), Dim(3)}));
  const ValueId shape = g.add1(kShape, {x});
  const ValueId kept = g.add_constant("kept", Tensor::of<int64_t>(Shape{2}, {-1, -1})), ones = g.add_constant("ones", Tensor::of<int64_t>(Shape{2}, {1, 1}));
  const ValueId wanted = g.add1(kWhere, {g.add1(kEqual, {shape, kept}), ones, shape});
  ASSERT_TRUE(g.value(wanted).contents);
  EXPECT_EQ(g.dims().text(g.value(wanted).contents->front()), "N");
  EXPECT_EQ(g.value(wanted).contents->back(), Dim(3));
}

}  // namespace
}  // namespace omni::ops
