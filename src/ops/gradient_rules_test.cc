// Gradient rules of operators that move, select and resample, and of those that are rarely trained through: against central differences.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kResizeGradient, kUpsampleGradient, kPadGradient, kTriluGradient, kCumSumGradient, kTopKGradient, kGatherElementsGradient,
    kGatherNDGradient, kScatterElementsGradient, kScatterNDGradient, kTileGradient, kReduceProdGradient, kTanGradient, kAsinGradient, kAcosGradient,
    kAtanGradient, kSinhGradient, kCoshGradient, kAsinhGradient, kAcoshGradient, kAtanhGradient;

namespace {

TEST(GradientRules, Resize) {
  const Tensor x = wave(Shape{1, 2, 4, 5});
  for (const char* mode : {"nearest", "linear", "cubic"}) {
    for (const Tensor& sizes : {ints({1, 2, 7, 3}), ints({1, 2, 2, 11})}) {
      check({.name = mode,
             .op = &kResize,
             .inputs = {x, std::nullopt, std::nullopt, sizes},
             .attributes = {{"mode", mode}},
             .gradient = &kResizeGradient});
    }
  }
  check({.name = "antialiased, f64",
         .op = &kResize,
         .inputs = {wave(Shape{1, 1, 8, 9}, 1, 0, DType::kF64), std::nullopt, std::nullopt, ints({1, 1, 3, 4})},
         .attributes = {{"mode", "linear"}, {"antialias", int64_t{1}}},
         .gradient = &kResizeGradient});
  check({.name = "scales",
         .op = &kUpsample,
         .inputs = {wave(Shape{1, 2, 3, 2}), Tensor::of<float>(Shape{4}, {1, 1, 2, 3})},
         .attributes = {{"mode", "linear"}},
         .constants = {1},
         .gradient = &kUpsampleGradient,
         .differentiate = {0}});
}

TEST(GradientRules, Pad) {
  for (const char* mode : {"constant", "edge", "reflect", "wrap"}) {
    check({.name = mode,
           .op = &kPad,
           .inputs = {wave(Shape{2, 3, 4}), ints({0, 2, -1, 1, 1, 3})},
           .attributes = {{"mode", mode}},
           .gradient = &kPadGradient,
           .differentiate = {0}});
  }
}

TEST(GradientRules, Selection) {
  const Tensor x = wave(Shape{3, 4});
  const Tensor columns = Tensor::of<int64_t>(Shape{3, 2}, {0, 3, -1, 1, 2, 2}), apart = Tensor::of<int64_t>(Shape{3, 2}, {0, 3, -1, 1, 2, 0});
  const Tensor rows = Tensor::of<int64_t>(Shape{2, 1}, {2, 0});
  check({.name = "GatherElements",
         .op = &kGatherElements,
         .inputs = {x, columns},
         .attributes = {{"axis", int64_t{1}}},
         .gradient = &kGatherElementsGradient});
  check({.name = "GatherND", .op = &kGatherND, .inputs = {x, rows}, .gradient = &kGatherNDGradient});
  for (const char* reduction : {"none", "add"}) {
    check({.name = "ScatterElements",
           .op = &kScatterElements,
           .inputs = {x, apart, wave(Shape{3, 2}, 2)},
           .attributes = {{"axis", int64_t{1}}, {"reduction", reduction}},
           .gradient = &kScatterElementsGradient});
    check({.name = "ScatterND",
           .op = &kScatterND,
           .inputs = {x, rows, wave(Shape{2, 4}, 2)},
           .attributes = {{"reduction", reduction}},
           .gradient = &kScatterNDGradient});
  }
  check({.name = "TopK",
         .op = &kTopK,
         .inputs = {wave(Shape{3, 7}), ints({3})},
         .outputs = 2,
         .gradient = &kTopKGradient,
         .gradient_tolerance = 5e-3,
         .step = 1.0 / 4096});
}

TEST(GradientRules, Structure) {
  check({.name = "Trilu",
         .op = &kTrilu,
         .inputs = {wave(Shape{2, 3, 4}), Tensor::scalar(int64_t{1})},
         .attributes = {{"upper", int64_t{0}}},
         .gradient = &kTriluGradient});
  for (const int64_t flag : {0, 1}) {
    check({.name = "CumSum",
           .op = &kCumSum,
           .inputs = {wave(Shape{2, 4}), Tensor::scalar(int64_t{1})},
           .attributes = {{"exclusive", flag}, {"reverse", 1 - flag}},
           .gradient = &kCumSumGradient});
  }
  check({.name = "Tile", .op = &kTile, .inputs = {wave(Shape{2, 1, 3}), ints({2, 3, 1})}, .gradient = &kTileGradient});
}

TEST(GradientRules, ProductsThroughZeros) {
  const Tensor x = Tensor::of<float>(Shape{3, 3}, {1, 2, -3, 0, 2, 4, 0, 0, 5});
  check({.name = "none, one, two zeros",
         .op = &kReduceProd,
         .inputs = {x, ints({1})},
         .expected = {{-6, 0, 0}},
         .gradient = &kReduceProdGradient,
         .step = 1.0 / 1024});
  check({.name = "without keepdims",
         .op = &kReduceProd,
         .inputs = {x, ints({1})},
         .attributes = {{"keepdims", int64_t{0}}},
         .gradient = &kReduceProdGradient,
         .step = 1.0 / 1024});
}

TEST(GradientRules, Functions) {
  const Tensor small = wave(Shape{7}, 0.7), large = wave(Shape{7}, 1, 3);
  const auto row = [](const OpDef& op, const GradDef& gradient, const Tensor& x) {
    check({.name = std::string(op.name), .op = &op, .inputs = {x}, .gradient = &gradient, .step = 1.0 / 512});
  };
  row(kTan, kTanGradient, small);
  row(kAsin, kAsinGradient, small);
  row(kAcos, kAcosGradient, small);
  row(kAtan, kAtanGradient, small);
  row(kSinh, kSinhGradient, small);
  row(kCosh, kCoshGradient, small);
  row(kAsinh, kAsinhGradient, small);
  row(kAcosh, kAcoshGradient, large);
  row(kAtanh, kAtanhGradient, small);
}

}  // namespace
}  // namespace omni::ops
