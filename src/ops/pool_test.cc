// Pools against direct loops, by hand, and their gradients by finite differences.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kMaxPoolGradient, kAveragePoolGradient, kGlobalMaxPoolGradient, kGlobalAveragePoolGradient;

namespace {

using Ints = std::vector<int64_t>;

struct Direct {
  Ints kernel, strides = {1, 1}, dilations = {1, 1}, pads = {0, 0, 0, 0};
  bool max = true, include = false;
  Ints out;
};

Outputs direct(const Inputs& in, const Direct& d) {
  const Shape x = in[0]->shape();
  const std::vector<double> v = to_double(*in[0]);
  std::vector<double> y;
  for (int64_t plane = 0; plane < x[0] * x[1]; ++plane)
    for (int64_t oy = 0; oy < d.out[0]; ++oy)
      for (int64_t ox = 0; ox < d.out[1]; ++ox) {
        double best = -std::numeric_limits<double>::infinity(), sum = 0;
        int64_t inside = 0, padded = 0;
        for (int64_t ky = 0; ky < d.kernel[0]; ++ky)
          for (int64_t kx = 0; kx < d.kernel[1]; ++kx) {
            const int64_t iy = oy * d.strides[0] - d.pads[0] + ky * d.dilations[0], ix = ox * d.strides[1] - d.pads[1] + kx * d.dilations[1];
            if (iy < x[2] + d.pads[2] && ix < x[3] + d.pads[3]) ++padded;
            if (iy < 0 || ix < 0 || iy >= x[2] || ix >= x[3]) continue;
            const double a = v[static_cast<size_t>((plane * x[2] + iy) * x[3] + ix)];
            best = std::max(best, a);
            sum += a;
            ++inside;
          }
        y.push_back(d.max ? best : sum / static_cast<double>(d.include ? padded : inside));
      }
  return {y};
}

void check_pool(std::string name, Shape x, Direct d, bool ceil) {
  for (const bool max : {true, false}) {
    for (const bool include : {false, true}) {
      if (max && include) continue;
      d.max = max;
      d.include = include;
      OpCase c{.name = name, .op = max ? &kMaxPool : &kAveragePool, .inputs = {wave(x)}};
      c.attributes = {{"kernel_shape", d.kernel}, {"strides", d.strides}, {"dilations", d.dilations}, {"pads", d.pads}, {"ceil_mode", int64_t{ceil}}};
      if (include) c.attributes.set("count_include_pad", int64_t{1});
      c.reference = [d](const Inputs& in) { return direct(in, d); };
      c.shapes = {Shape{x[0], x[1], d.out[0], d.out[1]}};
      c.gradient = max ? &kMaxPoolGradient : &kAveragePoolGradient;
      c.step = 1.0 / 4096;  // smaller than the gap between two values of a window
      check(c);
    }
  }
}

TEST(Pool, Cases) {
  check_pool("2x2", Shape{2, 3, 8, 6}, {.kernel = {2, 2}, .strides = {2, 2}, .out = {4, 3}}, false);
  check_pool("overlap, padded", Shape{1, 5, 7, 9}, {.kernel = {3, 3}, .strides = {2, 2}, .pads = {1, 1, 1, 1}, .out = {4, 5}}, false);
  check_pool("ceil", Shape{1, 2, 6, 5}, {.kernel = {3, 2}, .strides = {2, 2}, .out = {3, 3}}, true);
  check_pool("dilated, uneven", Shape{1, 18, 9, 8}, {.kernel = {2, 3}, .strides = {1, 2}, .dilations = {3, 2}, .pads = {1, 0, 0, 1}, .out = {7, 3}},
             false);
}

TEST(Pool, OneDimension) {
  const Tensor x = Tensor::of<float>(Shape{1, 1, 5}, {1, 3, 2, 5, 4});
  check({.name = "max",
         .op = &kMaxPool,
         .inputs = {x},
         .attributes = {{"kernel_shape", Ints{2}}},
         .expected = {{3, 3, 5, 5}},
         .gradient = &kMaxPoolGradient});
  check({.name = "same",
         .op = &kAveragePool,
         .inputs = {x},
         .attributes = {{"kernel_shape", Ints{2}}, {"strides", Ints{2}}, {"auto_pad", std::string("SAME_UPPER")}},
         .expected = {{2, 3.5, 4}},
         .gradient = &kAveragePoolGradient});
}

// The windows of the second channel start at flat position 8.
TEST(Pool, Indices) {
  const Tensor x = Tensor::of<float>(Shape{1, 2, 2, 4}, {1, 5, 2, 2, 3, 4, 2, 2, 9, 1, 1, 1, 1, 1, 1, 8});
  check({.name = "row major",
         .op = &kMaxPool,
         .inputs = {x},
         .attributes = {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}},
         .outputs = 2,
         .expected = {{5, 2, 9, 8}, {1, 2, 8, 15}}});
}

TEST(Pool, Global) {
  const Tensor x = Tensor::of<float>(Shape{1, 2, 2, 2}, {1, 2, 3, 6, -1, -5, -2, -4});
  check({.name = "average",
         .op = &kGlobalAveragePool,
         .inputs = {x},
         .expected = {{3, -3}},
         .shapes = {Shape{1, 2, 1, 1}},
         .gradient = &kGlobalAveragePoolGradient});
  check({.name = "max",
         .op = &kGlobalMaxPool,
         .inputs = {x},
         .expected = {{6, -1}},
         .shapes = {Shape{1, 2, 1, 1}},
         .gradient = &kGlobalMaxPoolGradient});
}

TEST(Pool, Refused) {
  expect_refused(kMaxPool, {wave(Shape{1, 3, 5, 5})}, {{"kernel_shape", Ints{2}}}, "spatial dimensions");
  expect_refused(kMaxPool, {wave(Shape{1, 3, 5, 5})}, {{"kernel_shape", Ints{0, 2}}}, "kernel_shape holds 0");
  expect_refused(kAveragePool, {wave(Shape{3, 5})}, {{"kernel_shape", Ints{2}}}, "spatial dimension");
}

}  // namespace
}  // namespace omni::ops
