// The gradient of Conv against finite differences, for every form of window.
#include <gtest/gtest.h>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kConvGradient;

namespace {

void check_conv(std::string name, Shape x, Shape w, Attributes attributes, bool bias) {
  OpCase c{.name = std::move(name), .op = &kConv, .inputs = {wave(x), wave(w, 0.5)}, .attributes = std::move(attributes), .gradient = &kConvGradient};
  if (bias) c.inputs.push_back(wave(Shape{w[0]}));
  check(c);
}

using Ints = std::vector<int64_t>;

TEST(ConvGradient, FiniteDifferences) {
  check_conv("valid, bias", Shape{2, 3, 7, 6}, Shape{5, 3, 3, 3}, {}, true);
  check_conv("padded, one channel", Shape{2, 1, 8, 8}, Shape{6, 1, 5, 5}, {{"pads", Ints{2, 2, 2, 2}}}, true);
  check_conv("strides and dilations", Shape{1, 4, 9, 10}, Shape{3, 4, 3, 3},
             {{"strides", Ints{2, 3}}, {"dilations", Ints{2, 1}}, {"pads", Ints{1, 0, 2, 1}}}, true);
  check_conv("groups", Shape{2, 6, 5, 5}, Shape{4, 3, 3, 3}, {{"group", int64_t{2}}, {"pads", Ints{1, 1, 1, 1}}}, false);
  check_conv("depthwise", Shape{2, 5, 6, 6}, Shape{5, 1, 3, 3},
             {{"group", int64_t{5}}, {"strides", Ints{2, 2}}, {"auto_pad", std::string("SAME_UPPER")}}, true);
  check_conv("1-D", Shape{2, 3, 12}, Shape{4, 3, 5}, {{"pads", Ints{4, 0}}}, true);
  check_conv("1x1", Shape{2, 3, 4, 4}, Shape{4, 3, 1, 1}, {}, false);
}

// The gradient operators bound channels-last and plain, against their own plain result on the scalar kernels.
TEST(ConvGradient, EveryLayout) {
  const Tensor dy = wave(Shape{2, 5, 4, 4}), x = wave(Shape{2, 3, 8, 8}), w = wave(Shape{5, 3, 3, 3});
  const Attributes attributes = {{"strides", Ints{2, 2}}, {"pads", Ints{1, 1, 1, 1}}};
  const auto direct = [&](bool input) {
    const std::vector<double> g = to_double(dy), xs = to_double(x), ws = to_double(w);
    std::vector<double> dx(xs.size()), dw(ws.size()), db(5);
    for (int64_t n = 0; n < 2; ++n)
      for (int64_t o = 0; o < 5; ++o)
        for (int64_t oy = 0; oy < 4; ++oy)
          for (int64_t ox = 0; ox < 4; ++ox) {
            const double v = g[static_cast<size_t>(((n * 5 + o) * 4 + oy) * 4 + ox)];
            db[static_cast<size_t>(o)] += v;
            for (int64_t c = 0; c < 3; ++c)
              for (int64_t ky = 0; ky < 3; ++ky)
                for (int64_t kx = 0; kx < 3; ++kx) {
                  const int64_t iy = oy * 2 + ky - 1, ix = ox * 2 + kx - 1;
                  if (iy < 0 || ix < 0 || iy >= 8 || ix >= 8) continue;
                  const size_t xi = static_cast<size_t>(((n * 3 + c) * 8 + iy) * 8 + ix), wi = static_cast<size_t>(((o * 3 + c) * 3 + ky) * 3 + kx);
                  dx[xi] += v * ws[wi];
                  dw[wi] += v * xs[xi];
                }
          }
    return input ? Outputs{dx} : Outputs{dw, db};
  };
  check({.name = "input",
         .op = &kConvInputGrad,
         .inputs = {dy, w, x},
         .attributes = attributes,
         .reference = [&](const Inputs&) { return direct(true); },
         .tolerance = 4e-6});
  check({.name = "weight",
         .op = &kConvWeightGrad,
         .inputs = {dy, x, w},
         .attributes = attributes,
         .outputs = 2,
         .reference = [&](const Inputs&) { return direct(false); },
         .tolerance = 4e-6});
}

}  // namespace
}  // namespace omni::ops
