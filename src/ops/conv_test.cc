// Conv against a direct sum in double.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

struct Direct {
  int64_t group = 1;
  std::vector<int64_t> strides = {1, 1}, dilations = {1, 1}, pads = {0, 0, 0, 0};
};

Outputs direct(const Inputs& in, const Direct& d) {
  const Shape x = in[0]->shape(), w = in[1]->shape();
  const std::vector<double> xs = to_double(*in[0]), ws = to_double(*in[1]);
  const std::vector<double> bias = in.size() > 2 && in[2] ? to_double(*in[2]) : std::vector<double>(static_cast<size_t>(w[0]), 0.0);
  const auto size = [&](int i) { return (x[i + 2] + d.pads[static_cast<size_t>(i)] + d.pads[static_cast<size_t>(i) + 2] - (w[i + 2] - 1) * d.dilations[static_cast<size_t>(i)] - 1) / d.strides[static_cast<size_t>(i)] + 1; };
  const int64_t oh = size(0), ow = size(1), out_per_group = w[0] / d.group;
  std::vector<double> y;
  for (int64_t n = 0; n < x[0]; ++n)
    for (int64_t m = 0; m < w[0]; ++m)
      for (int64_t oy = 0; oy < oh; ++oy)
        for (int64_t ox = 0; ox < ow; ++ox) {
          double sum = bias[static_cast<size_t>(m)];
          for (int64_t c = 0; c < w[1]; ++c)
            for (int64_t ky = 0; ky < w[2]; ++ky)
              for (int64_t kx = 0; kx < w[3]; ++kx) {
                const int64_t iy = oy * d.strides[0] - d.pads[0] + ky * d.dilations[0], ix = ox * d.strides[1] - d.pads[1] + kx * d.dilations[1];
                if (iy < 0 || ix < 0 || iy >= x[2] || ix >= x[3]) continue;
                const int64_t channel = m / out_per_group * w[1] + c;
                sum += xs[static_cast<size_t>(((n * x[1] + channel) * x[2] + iy) * x[3] + ix)] * ws[static_cast<size_t>(((m * w[1] + c) * w[2] + ky) * w[3] + kx)];
              }
          y.push_back(sum);
        }
  return {y};
}

OpCase conv_case(std::string name, Shape x, Shape w, Direct d, bool bias, bool constant) {
  OpCase c{.name = std::move(name), .op = &kConv, .inputs = {wave(x), wave(w, 0.5)}};
  if (bias) c.inputs.push_back(wave(Shape{w[0]}));
  c.attributes = {{"group", d.group}, {"strides", d.strides}, {"dilations", d.dilations}, {"pads", d.pads}};
  c.reference = [d](const Inputs& in) { return direct(in, d); };
  if (constant) c.constants = bias ? std::vector<int>{1, 2} : std::vector<int>{1};
  c.tolerance = 5e-6;  // up to 500 terms, without fused multiply-adds on the scalar kernels
  return c;
}

TEST(Conv, Cases) {
  for (const bool constant : {false, true}) {
    check(conv_case("lenet first", Shape{2, 1, 12, 12}, Shape{20, 1, 5, 5}, {}, true, constant));
    check(conv_case("lenet second", Shape{2, 20, 8, 8}, Shape{50, 20, 5, 5}, {}, true, constant));
    check(conv_case("1x1", Shape{1, 17, 5, 7}, Shape{33, 17, 1, 1}, {}, false, constant));
    check(conv_case("padded, strided", Shape{2, 3, 9, 11}, Shape{16, 3, 3, 3}, {1, {2, 2}, {1, 1}, {1, 1, 1, 1}}, true, constant));
    check(conv_case("dilated, uneven pads", Shape{1, 4, 9, 8}, Shape{5, 4, 3, 2}, {1, {1, 2}, {2, 3}, {2, 0, 1, 3}}, true, constant));
    check(conv_case("groups", Shape{1, 12, 6, 6}, Shape{8, 3, 3, 3}, {4, {1, 1}, {1, 1}, {1, 1, 1, 1}}, true, constant));
    check(conv_case("depthwise", Shape{2, 35, 7, 6}, Shape{35, 1, 3, 3}, {35, {2, 1}, {1, 1}, {1, 1, 1, 1}}, true, constant));
  }
}

TEST(Conv, Refused) {
  expect_refused(kConv, {wave(Shape{1, 3, 5, 5}), wave(Shape{4, 2, 3, 3})}, {}, "X has 3");
  expect_refused(kConv, {wave(Shape{1, 3, 2, 2}), wave(Shape{4, 3, 3, 3})}, {}, "larger than the padded input");
  expect_refused(kConv, {wave(Shape{1, 3, 5, 5}), wave(Shape{4, 3, 3, 3})}, {{"strides", std::vector<int64_t>{1}}}, "strides has 1 values");
  expect_refused(kConv, {wave(Shape{1, 1, 2, 2, 2, 2}), wave(Shape{1, 1, 1, 1, 1, 1})}, {}, "4 spatial dimensions");
}

}  // namespace
}  // namespace omni::ops
