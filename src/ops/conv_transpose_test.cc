// ConvTranspose against its definition: every input value spreads over a window of the output.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kConvTransposeGradient;

namespace {

using Ints = std::vector<int64_t>;

struct Direct {
  int64_t group = 1;
  Ints strides = {1, 1}, dilations = {1, 1}, pads = {0, 0, 0, 0}, out;
};

Outputs direct(const Inputs& in, const Direct& d) {
  const Shape x = in[0]->shape(), w = in[1]->shape();
  const std::vector<double> xs = to_double(*in[0]), ws = to_double(*in[1]), bs = to_double(*in[2]);
  const int64_t m = w[1] * d.group;
  std::vector<double> y(static_cast<size_t>(x[0] * m * d.out[0] * d.out[1]));
  for (size_t i = 0; i < y.size(); ++i) y[i] = bs[i / static_cast<size_t>(d.out[0] * d.out[1]) % static_cast<size_t>(m)];
  for (int64_t n = 0; n < x[0]; ++n)
    for (int64_t c = 0; c < x[1]; ++c)
      for (int64_t iy = 0; iy < x[2]; ++iy)
        for (int64_t ix = 0; ix < x[3]; ++ix)
          for (int64_t o = 0; o < w[1]; ++o)
            for (int64_t ky = 0; ky < w[2]; ++ky)
              for (int64_t kx = 0; kx < w[3]; ++kx) {
                const int64_t oy = iy * d.strides[0] + ky * d.dilations[0] - d.pads[0], ox = ix * d.strides[1] + kx * d.dilations[1] - d.pads[1];
                if (oy < 0 || ox < 0 || oy >= d.out[0] || ox >= d.out[1]) continue;
                const int64_t channel = c / (x[1] / d.group) * w[1] + o;
                y[static_cast<size_t>(((n * m + channel) * d.out[0] + oy) * d.out[1] + ox)] +=
                    xs[static_cast<size_t>(((n * x[1] + c) * x[2] + iy) * x[3] + ix)] *
                    ws[static_cast<size_t>(((c * w[1] + o) * w[2] + ky) * w[3] + kx)];
              }
  return {y};
}

void check_case(std::string name, Shape x, Shape w, Direct d, Attributes more = {}, bool gradient = true) {
  OpCase c{
      .name = std::move(name), .op = &kConvTranspose, .inputs = {wave(x), wave(w, 0.5), wave(Shape{w[1] * d.group})}, .attributes = std::move(more)};
  c.attributes.set("group", d.group);
  c.attributes.set("strides", d.strides);
  c.attributes.set("dilations", d.dilations);
  if (!c.attributes.has("auto_pad") && !c.attributes.has("output_shape")) c.attributes.set("pads", d.pads);
  c.reference = [d](const Inputs& in) { return direct(in, d); };
  c.shapes = {Shape{x[0], w[1] * d.group, d.out[0], d.out[1]}};
  c.tolerance = 4e-6;
  if (gradient) c.gradient = &kConvTransposeGradient;
  check(c);
}

TEST(ConvTranspose, Cases) {
  check_case("plain", Shape{2, 3, 4, 5}, Shape{3, 4, 3, 3}, {.out = {6, 7}});
  check_case("upsampling", Shape{1, 3, 4, 4}, Shape{3, 5, 4, 4}, {.strides = {2, 2}, .pads = {1, 1, 1, 1}, .out = {8, 8}});
  check_case("gaps, output padding", Shape{1, 2, 3, 3}, Shape{2, 3, 2, 2}, {.strides = {3, 2}, .pads = {0, 1, 1, 0}, .out = {8, 6}},
             {{"output_padding", Ints{1, 1}}});
  check_case("groups, dilations", Shape{2, 4, 4, 4}, Shape{4, 3, 3, 2}, {.group = 2, .dilations = {2, 3}, .out = {8, 7}});
  check_case("depthwise", Shape{1, 6, 4, 4}, Shape{6, 1, 3, 3}, {.group = 6, .strides = {2, 2}, .out = {9, 9}});
  check_case("same", Shape{1, 2, 3, 3}, Shape{2, 2, 3, 3}, {.strides = {2, 2}, .pads = {0, 0, 1, 1}, .out = {6, 6}},
             {{"auto_pad", std::string("SAME_UPPER")}}, false);
  check_case("stated size", Shape{1, 2, 3, 3}, Shape{2, 2, 3, 3}, {.strides = {2, 2}, .pads = {1, 1, 0, 0}, .out = {6, 6}},
             {{"output_shape", Ints{6, 6}}}, false);
}

TEST(ConvTranspose, Refused) {
  expect_refused(kConvTranspose, {wave(Shape{1, 3, 4, 4}), wave(Shape{2, 3, 3, 3})}, {}, "W takes 2");
  expect_refused(kConvTranspose, {wave(Shape{1, 3, 1, 1}), wave(Shape{3, 3, 1, 1})}, {{"pads", Ints{1, 1, 1, 1}}}, "leaves nothing");
}

}  // namespace
}  // namespace omni::ops
