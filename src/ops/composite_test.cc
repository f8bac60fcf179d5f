// Composites are their expansion: values against the formula.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

// Groups of `n` neighbours normalized; output i is scaled by scale[i / stride % channels] and shifted alike.
Outputs normalized(const Inputs& in, int64_t n, int64_t stride) {
  const std::vector<double> x = to_double(*in[0]), scale = to_double(*in[1]);
  const std::vector<double> shift = in.size() > 2 && in[2] ? to_double(*in[2]) : std::vector<double>(scale.size(), 0);
  Outputs out(1);
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t first = i / static_cast<size_t>(n) * static_cast<size_t>(n), channel = i / static_cast<size_t>(stride) % scale.size();
    double mean = 0, variance = 0;
    for (size_t k = first; k < first + static_cast<size_t>(n); ++k) mean += x[k] / static_cast<double>(n);
    for (size_t k = first; k < first + static_cast<size_t>(n); ++k) variance += (x[k] - mean) * (x[k] - mean) / static_cast<double>(n);
    out[0].push_back((x[i] - mean) / std::sqrt(variance + 1e-5) * scale[channel] + shift[channel]);
  }
  return out;
}

TEST(Normalization, Operators) {
  check({.name = "layer",
         .op = &kLayerNormalization,
         .inputs = {wave(Shape{2, 3, 4}), wave(Shape{4}), wave(Shape{4}, 2)},
         .reference = [](const Inputs& in) { return normalized(in, 4, 1); },
         .tolerance = 1e-5});
  check({.name = "layer, no bias",
         .op = &kLayerNormalization,
         .inputs = {wave(Shape{2, 3, 4}), wave(Shape{3, 4})},
         .attributes = {{"axis", int64_t{1}}},
         .outputs = 3,
         .reference = [](const Inputs& in) { return normalized(in, 12, 1); },
         .tolerance = 1e-5});
  check({.name = "instance",
         .op = &kInstanceNormalization,
         .inputs = {wave(Shape{2, 3, 4, 5}), wave(Shape{3}), wave(Shape{3}, 2)},
         .reference = [](const Inputs& in) { return normalized(in, 20, 20); },
         .tolerance = 1e-5});
  check({.name = "group",
         .op = &kGroupNormalization,
         .inputs = {wave(Shape{2, 4, 3}), wave(Shape{4}), wave(Shape{4}, 2)},
         .attributes = {{"num_groups", int64_t{2}}},
         .reference = [](const Inputs& in) { return normalized(in, 6, 3); },
         .tolerance = 1e-5});
  check(
      {.name = "mean variance", .op = &kMeanVarianceNormalization, .inputs = {Tensor::of<float>(Shape{1, 1, 1, 2}, {1, 3})}, .expected = {{-1, 1}}});
  expect_refused(kGroupNormalization, {wave(Shape{2, 4, 3}), wave(Shape{4}), wave(Shape{4})}, {{"num_groups", int64_t{3}}}, "does not divide");
}

TEST(DepthToSpace, AndBack) {
  const Tensor x = Tensor::of<float>(Shape{1, 4, 1, 2}, {0, 1, 2, 3, 4, 5, 6, 7});
  check({.name = "DCR",
         .op = &kDepthToSpace,
         .inputs = {x},
         .attributes = {{"blocksize", int64_t{2}}},
         .expected = {{0, 2, 1, 3, 4, 6, 5, 7}},
         .shapes = {Shape{1, 1, 2, 4}}});
  const Tensor two = wave(Shape{1, 8, 1, 1});
  const auto picked = [](std::vector<int> at) {
    return [at = std::move(at)](const Inputs& in) {
      const std::vector<double> v = to_double(*in[0]);
      Outputs out(1);
      for (const int i : at) out[0].push_back(v[static_cast<size_t>(i)]);
      return out;
    };
  };
  check({.name = "DCR of two",
         .op = &kDepthToSpace,
         .inputs = {two},
         .attributes = {{"blocksize", int64_t{2}}},
         .reference = picked({0, 2, 4, 6, 1, 3, 5, 7})});
  check({.name = "CRD of two",
         .op = &kDepthToSpace,
         .inputs = {two},
         .attributes = {{"blocksize", int64_t{2}}, {"mode", "CRD"}},
         .reference = picked({0, 1, 2, 3, 4, 5, 6, 7})});
  check({.name = "back",
         .op = &kSpaceToDepth,
         .inputs = {Tensor::of<float>(Shape{1, 1, 2, 4}, {0, 2, 1, 3, 4, 6, 5, 7})},
         .attributes = {{"blocksize", int64_t{2}}},
         .expected = {{0, 1, 2, 3, 4, 5, 6, 7}},
         .shapes = {Shape{1, 4, 1, 2}}});
}

TEST(Tile, Operator) {
  const Tensor x = Tensor::of<float>(Shape{2, 2}, {1, 2, 3, 4});
  check({.name = "both",
         .op = &kTile,
         .inputs = {x, ints({2, 2})},
         .expected = {{1, 2, 1, 2, 3, 4, 3, 4, 1, 2, 1, 2, 3, 4, 3, 4}},
         .shapes = {Shape{4, 4}}});
  check({.name = "rows", .op = &kTile, .inputs = {x, ints({2, 1})}, .expected = {{1, 2, 3, 4, 1, 2, 3, 4}}});
  check({.name = "columns", .op = &kTile, .inputs = {x, ints({1, 2})}, .expected = {{1, 2, 1, 2, 3, 4, 3, 4}}});
  check({.name = "nothing", .op = &kTile, .inputs = {x, ints({1, 1})}, .expected = {{1, 2, 3, 4}}});
  check({.name = "none", .op = &kTile, .inputs = {x, ints({0, 3})}, .expected = {{}}, .shapes = {Shape{0, 6}}});
}

}  // namespace
}  // namespace omni::ops
