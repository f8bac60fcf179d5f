// Convolutions and pools of one to three dimensions in f32 and f64 against direct sums; unpooling, Col2Im, CenterCropPad, DeformConv, and gradients.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {

extern const GradDef kConvGradient, kConvTransposeGradient, kMaxPoolGradient, kAveragePoolGradient, kLpPoolGradient;

namespace {

struct Direct {
  int64_t group = 1;
  std::vector<int64_t> strides, dilations, pads;

  Attributes attributes() const { return {{"group", group}, {"strides", strides}, {"dilations", dilations}, {"pads", pads}}; }
};

// Every position of a box of these sizes.
template <class F>
void over(const std::vector<int64_t>& sizes, F&& f) {
  int64_t count = 1;
  for (const int64_t s : sizes) count *= s;
  for (int64_t i = 0; i < count; ++i) {
    std::vector<int64_t> at(sizes.size());
    int64_t rest = i;
    for (size_t d = sizes.size(); d-- > 0; rest /= sizes[d]) at[d] = rest % sizes[d];
    f(at);
  }
}

std::vector<int64_t> spatial(const Shape& s) { return {s.begin() + 2, s.end()}; }

int64_t flat(const std::vector<int64_t>& at, const std::vector<int64_t>& sizes) {
  int64_t index = 0;
  for (size_t d = 0; d < sizes.size(); ++d) index = index * sizes[d] + at[d];
  return index;
}

// Calls f(y position, tap, x position) wherever the window lies in x.
template <class F>
void windows(const Direct& d, const std::vector<int64_t>& x, const std::vector<int64_t>& kernel, const std::vector<int64_t>& y, F&& f) {
  over(y, [&](const std::vector<int64_t>& o) {
    over(kernel, [&](const std::vector<int64_t>& k) {
      std::vector<int64_t> at(x.size());
      bool inside = true;
      for (size_t i = 0; i < x.size(); ++i) {
        at[i] = o[i] * d.strides[i] - d.pads[i] + k[i] * d.dilations[i];
        inside = inside && at[i] >= 0 && at[i] < x[i];
      }
      if (inside) f(flat(o, y), flat(k, kernel), flat(at, x));
    });
  });
}

Outputs convolution(const Inputs& in, const Direct& d) {
  const Shape x = in[0]->shape(), w = in[1]->shape();
  const std::vector<double> xs = to_double(*in[0]), ws = to_double(*in[1]);
  const std::vector<double> bias = in.size() > 2 ? to_double(*in[2]) : std::vector<double>(static_cast<size_t>(w[0]), 0.0);
  const std::vector<int64_t> xd = spatial(x), kernel = spatial(w);
  std::vector<int64_t> yd;
  for (size_t i = 0; i < xd.size(); ++i)
    yd.push_back((xd[i] + d.pads[i] + d.pads[i + xd.size()] - (kernel[i] - 1) * d.dilations[i] - 1) / d.strides[i] + 1);
  int64_t positions = 1;
  for (const int64_t s : yd) positions *= s;
  std::vector<double> y(static_cast<size_t>(x[0] * w[0] * positions));
  for (int64_t n = 0; n < x[0]; ++n) {
    for (int64_t m = 0; m < w[0]; ++m) {
      double* const to = y.data() + (n * w[0] + m) * positions;
      for (int64_t p = 0; p < positions; ++p) to[p] = bias[static_cast<size_t>(m)];
      for (int64_t c = 0; c < w[1]; ++c) {
        const int64_t channel = m / (w[0] / d.group) * w[1] + c;
        windows(d, xd, kernel, yd, [&](int64_t o, int64_t k, int64_t at) {
          to[o] += xs[static_cast<size_t>((n * x[1] + channel) * x.count(2) + at)] * ws[static_cast<size_t>((m * w[1] + c) * w.count(2) + k)];
        });
      }
    }
  }
  return {y};
}

OpCase conv_case(std::string name, Shape x, Shape w, const Direct& d, DType dtype, bool bias) {
  OpCase c{.name = std::move(name), .op = &kConv, .inputs = {wave(x, 1, 0, dtype), wave(w, 0.5, 0, dtype)}, .attributes = d.attributes()};
  if (bias) c.inputs.push_back(wave(Shape{w[0]}, 1, 0, dtype));
  c.reference = [d](const Inputs& in) { return convolution(in, d); };
  c.tolerance = dtype == DType::kF64 ? 1e-12 : 5e-6;
  return c;
}

const Direct kThree{1, {1, 2, 1}, {1, 1, 2}, {1, 0, 2, 0, 1, 1}};

TEST(ConvNd, ThreeDimensions) {
  check(conv_case("plain", Shape{2, 3, 5, 6, 7}, Shape{4, 3, 2, 3, 2}, {1, {1, 1, 1}, {1, 1, 1}, {0, 0, 0, 0, 0, 0}}, DType::kF32, true));
  check(conv_case("all at once", Shape{1, 4, 5, 6, 7}, Shape{6, 4, 2, 3, 2}, kThree, DType::kF32, false));
  Direct grouped = kThree;
  grouped.group = 2;
  OpCase c = conv_case("groups", Shape{1, 4, 4, 5, 6}, Shape{6, 2, 2, 3, 2}, grouped, DType::kF32, true);
  c.gradient = &kConvGradient;
  c.constants = {};
  check(c);
  c.constants = {1, 2};
  c.gradient = nullptr;
  check(c);
}

TEST(ConvNd, Doubles) {
  const Direct two{1, {2, 1}, {1, 2}, {1, 1, 0, 2}};
  OpCase c = conv_case("f64", Shape{2, 3, 7, 6}, Shape{4, 3, 3, 2}, two, DType::kF64, true);
  c.gradient = &kConvGradient;
  check(c);
  check(conv_case("f64, one dimension", Shape{2, 3, 9}, Shape{4, 3, 3}, {1, {2}, {1}, {1, 1}}, DType::kF64, false));
}

TEST(ConvNd, HalfTypesAreComputedInF32) {
  const Inputs half = {wave(Shape{1, 2, 5, 5}, 1, 0, DType::kF16), wave(Shape{3, 2, 3, 3}, 0.5, 0, DType::kF16)};
  const Direct d{1, {1, 1}, {1, 1}, {0, 0, 0, 0}};
  OpCase c{
      .name = "f16", .op = &kConv, .inputs = half, .attributes = d.attributes(), .reference = [d](const Inputs& in) { return convolution(in, d); }};
  c.tolerance = 6e-4;
  Graph g;
  std::map<ValueId, Tensor> known;
  const ValueId x = g.add_input("x", Type(DType::kF16, half[0]->shape())), w = g.add_constant("w", *half[1]);
  const ValueId y = g.add1(kConv, {x, w}, d.attributes());
  g.add_output(y);
  known.emplace(x, *half[0]);
  ThreadPool pool(1);
  const Tensor got = run_graph(g, known, pool, Isa::kScalar).at(y);
  EXPECT_EQ(got.dtype(), DType::kF16);
  const std::vector<double> values = to_double(got), expected = convolution(half, d)[0];
  for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected[i], 6e-4 * std::max(1.0, std::abs(expected[i])));
}

TEST(ConvTransposeNd, ScattersWhatTheConvolutionGathers) {
  // Y = the x whose convolution by the same window would give X's shape: direct scatter.
  const auto transposed = [](const Inputs& in, const Direct& d, std::vector<int64_t> y) {
    const Shape x = in[0]->shape(), w = in[1]->shape();
    const std::vector<double> xs = to_double(*in[0]), ws = to_double(*in[1]);
    int64_t positions = 1;
    for (const int64_t s : y) positions *= s;
    const int64_t channels = w[1] * d.group;
    std::vector<double> out(static_cast<size_t>(x[0] * channels * positions));
    for (int64_t n = 0; n < x[0]; ++n) {
      for (int64_t c = 0; c < x[1]; ++c) {
        for (int64_t m = 0; m < w[1]; ++m) {
          const int64_t channel = c / (x[1] / d.group) * w[1] + m;
          windows(d, y, spatial(w), spatial(x), [&](int64_t o, int64_t k, int64_t at) {
            out[static_cast<size_t>((n * channels + channel) * positions + at)] +=
                xs[static_cast<size_t>((n * x[1] + c) * x.count(2) + o)] * ws[static_cast<size_t>((c * w[1] + m) * w.count(2) + k)];
          });
        }
      }
    }
    return Outputs{out};
  };
  const Direct d{2, {2, 1, 2}, {1, 2, 1}, {1, 0, 1, 0, 1, 1}};
  OpCase c{.name = "three dimensions, groups",
           .op = &kConvTranspose,
           .inputs = {wave(Shape{1, 4, 3, 4, 2}), wave(Shape{4, 3, 2, 2, 3})},
           .attributes = d.attributes()};
  c.reference = [&](const Inputs& in) { return transposed(in, d, {5, 5, 3}); };
  c.gradient = &kConvTransposeGradient;
  c.tolerance = 5e-6;
  check(c);
  const Direct wide{1, {3, 2}, {1, 1}, {0, 0, 0, 0}};
  OpCase shaped{
      .name = "an output larger than the windows reach", .op = &kConvTranspose, .inputs = {wave(Shape{1, 1, 3, 3}), wave(Shape{1, 2, 3, 3})}};
  shaped.attributes = {{"strides", wide.strides}, {"output_shape", std::vector<int64_t>{10, 8}}};
  shaped.reference = [&](const Inputs& in) { return transposed(in, wide, {10, 8}); };
  check(shaped);
  OpCase same{.name = "padding as the sizes want", .op = &kConvTranspose, .inputs = {wave(Shape{1, 2, 3, 4}), wave(Shape{2, 1, 3, 3})}};
  same.attributes = {{"strides", std::vector<int64_t>{2, 1}}, {"auto_pad", "SAME_UPPER"}};
  const Direct half{1, {2, 1}, {1, 1}, {0, 1, 1, 1}};
  same.reference = [&](const Inputs& in) { return transposed(in, half, {6, 4}); };
  same.gradient = &kConvTransposeGradient;
  check(same);
}

Outputs pooled(const Inputs& in, const Direct& d, const std::vector<int64_t>& kernel, const std::vector<int64_t>& y,
               const std::function<double(const std::vector<double>&)>& f) {
  const Shape x = in[0]->shape();
  const std::vector<double> xs = to_double(*in[0]);
  int64_t positions = 1;
  for (const int64_t s : y) positions *= s;
  std::vector<double> out;
  for (int64_t plane = 0; plane < x[0] * x[1]; ++plane) {
    std::vector<std::vector<double>> seen(static_cast<size_t>(positions));
    windows(d, spatial(x), kernel, y,
            [&](int64_t o, int64_t, int64_t at) { seen[static_cast<size_t>(o)].push_back(xs[static_cast<size_t>(plane * x.count(2) + at)]); });
    for (const std::vector<double>& values : seen) out.push_back(f(values));
  }
  return {out};
}

double largest(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }
double mean(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) sum += x;
  return sum / static_cast<double>(v.size());
}

OpCase pool_case(std::string name, const OpDef& op, Tensor x, std::function<double(const std::vector<double>&)> f, const GradDef* gradient) {
  const Direct d{1, {1, 2, 1}, {2, 1, 1}, {1, 0, 1, 0, 1, 0}};
  const std::vector<int64_t> kernel = {2, 3, 2};
  OpCase c{.name = std::move(name), .op = &op, .inputs = {std::move(x)}};
  c.attributes = {{"kernel_shape", kernel}, {"strides", d.strides}, {"dilations", d.dilations}, {"pads", d.pads}};
  c.reference = [=](const Inputs& in) { return pooled(in, d, kernel, {3, 3, 6}, f); };
  c.gradient = gradient;
  c.step = 1.0 / 2048;  // no two values of a window trade places
  c.gradient_tolerance = 1e-2;
  return c;
}

TEST(PoolNd, ThreeDimensions) {
  const Shape x{1, 3, 4, 6, 6};
  check(pool_case("max", kMaxPool, wave(x), largest, &kMaxPoolGradient));
  check(pool_case("max of f64", kMaxPool, wave(x, 1, 0, DType::kF64), largest, &kMaxPoolGradient));
  check(pool_case("max of bytes", kMaxPool, from_double(DType::kI8, x, to_double(wave(x, 100))), largest, nullptr));
  check(pool_case("average", kAveragePool, wave(x), mean, &kAveragePoolGradient));
  for (const int64_t p : {1, 2, 3}) {
    const auto norm = [p](const std::vector<double>& v) {
      double sum = 0;
      for (const double u : v) sum += std::pow(std::abs(u), static_cast<double>(p));
      return std::pow(sum, 1.0 / static_cast<double>(p));
    };
    OpCase c = pool_case("norm of order " + std::to_string(p), kLpPool, wave(x), norm, &kLpPoolGradient);
    c.attributes.set("p", p);
    check(c);
  }
}

TEST(PoolNd, GlobalNorm) {
  check({.name = "2", .op = &kGlobalLpPool, .inputs = {Tensor::of<float>(Shape{1, 2, 2, 1}, {3, 4, -5, 12})}, .expected = {{5, 13}}});
  check({.name = "1",
         .op = &kGlobalLpPool,
         .inputs = {Tensor::of<float>(Shape{1, 2, 2, 1}, {3, 4, -5, 12})},
         .attributes = {{"p", int64_t{1}}},
         .expected = {{7, 17}}});
}

TEST(MaxUnpool, PutsValuesBack) {
  const Inputs in = {Tensor::of<float>(Shape{1, 1, 2, 2}, {1, 2, 3, 4}), Tensor::of<int64_t>(Shape{1, 1, 2, 2}, {5, 7, 13, 15})};
  const std::vector<int64_t> two = {2, 2};
  const std::vector<double> four = {0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4};
  check({.name = "of its own size", .op = &kMaxUnpool, .inputs = in, .attributes = {{"kernel_shape", two}, {"strides", two}}, .expected = {four}});
  const Inputs shaped = {in[0], in[1], ints({1, 1, 5, 5})};
  const std::vector<double> five = {0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 0, 0};
  check(
      {.name = "of a larger one", .op = &kMaxUnpool, .inputs = shaped, .attributes = {{"kernel_shape", two}, {"strides", two}}, .expected = {five}});
  expect_refused(kMaxUnpool, in, {{"kernel_shape", std::vector<int64_t>{2}}}, "kernel_shape has not one size");
}

TEST(Col2Im, AddsBlocksWhereTheyLie) {
  // One row of three, blocks of two: the middle is in both.
  check({.name = "overlapping",
         .op = &kCol2Im,
         .inputs = {Tensor::of<float>(Shape{1, 2, 2}, {1, 2, 3, 4}), ints({1, 3}), ints({1, 2})},
         .expected = {{1, 5, 4}},
         .shapes = {Shape{1, 1, 1, 3}}});
  check({.name = "strided and padded",
         .op = &kCol2Im,
         .inputs = {wave(Shape{2, 8, 4}), ints({3, 3}), ints({2, 2})},
         .attributes = {{"pads", std::vector<int64_t>{1, 1, 0, 0}}, {"strides", std::vector<int64_t>{2, 2}}},
         .shapes = {Shape{2, 2, 3, 3}}});
}

TEST(CenterCropPad, TakesTheMiddle) {
  const Tensor x = Tensor::of<float>(Shape{2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  check({.name = "both", .op = &kCenterCropPad, .inputs = {x, ints({3, 2})}, .expected = {{2, 3, 6, 7, 0, 0}}});
  check({.name = "one axis",
         .op = &kCenterCropPad,
         .inputs = {x, ints({7})},
         .attributes = {{"axes", std::vector<int64_t>{-1}}},
         .expected = {{0, 1, 2, 3, 4, 0, 0, 0, 5, 6, 7, 8, 0, 0}}});
  expect_refused(kCenterCropPad, {x, ints({7})}, {}, "shape has 1 sizes for 2 axes");
}

TEST(DeformConv, IsAConvolutionWhereNothingMoves) {
  const Direct d{1, {1, 1}, {1, 1}, {1, 1, 1, 1}};
  const auto plain = [d](const Inputs& in) { return convolution({in[0], in[1], in[3]}, d); };
  const Tensor x = wave(Shape{2, 4, 5, 6}), w = wave(Shape{3, 4, 3, 3}, 0.5), bias = wave(Shape{3});
  check({.name = "no offsets",
         .op = &kDeformConv,
         .inputs = {x, w, Tensor(DType::kF32, Shape{2, 18, 5, 6}), bias},
         .attributes = {{"pads", d.pads}},
         .reference = plain,
         .tolerance = 5e-6});
  Tensor down(DType::kF32, Shape{2, 18, 5, 6}), half(DType::kF32, Shape{2, 9, 5, 6});
  for (float& v : half.mutable_values<float>()) v = 0.5f;
  for (int64_t i = 0; i < down.count(); ++i) down.mutable_values<float>()[static_cast<size_t>(i)] = i / 30 % 2 == 0 ? 1.0f : 0.0f;  // one row further
  const auto moved = [d](const Inputs& in) {
    Direct lower = d;
    lower.pads = {0, 1, 2, 1};
    Outputs y = convolution({in[0], in[1]}, lower);
    for (double& v : y[0]) v *= 0.5;
    return y;
  };
  check({.name = "one row down, half of it",
         .op = &kDeformConv,
         .inputs = {x, w, down, std::nullopt, half},
         .attributes = {{"pads", d.pads}},
         .reference = moved,
         .tolerance = 5e-6});
}

}  // namespace
}  // namespace omni::ops
