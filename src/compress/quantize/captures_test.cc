#include "compress/quantize/captures.h"

#include "compress/quantize/calibrate.h"
#include "compress/quantize/network_test.h"

namespace omni::compress {
namespace {

using namespace test;

struct ConvCase {
  std::vector<int64_t> kernel, strides, dilations, pads;
  int64_t groups;
};

// Patches as im2col has them, then X^T X in double.
std::vector<double> gram_of_patches(const Tensor& x, const ConvCase& c) {
  const Shape& s = x.shape();
  const int64_t inner = s[1] / c.groups, kh = c.kernel[0], kw = c.kernel[1], k = inner * kh * kw;
  const int64_t oh = (s[2] + c.pads[0] + c.pads[2] - (kh - 1) * c.dilations[0] - 1) / c.strides[0] + 1;
  const int64_t ow = (s[3] + c.pads[1] + c.pads[3] - (kw - 1) * c.dilations[1] - 1) / c.strides[1] + 1;
  std::vector<double> gram(static_cast<size_t>(c.groups * k * k), 0.0), patch(static_cast<size_t>(k));
  for (int64_t n = 0; n < s[0]; ++n) {
    for (int64_t g = 0; g < c.groups; ++g) {
      for (int64_t p = 0; p < oh * ow; ++p) {
        for (int64_t i = 0; i < k; ++i) {
          const int64_t y = p / ow * c.strides[0] - c.pads[0] + i / kw % kh * c.dilations[0], z = p % ow * c.strides[1] - c.pads[1] + i % kw * c.dilations[1];
          const bool inside = y >= 0 && y < s[2] && z >= 0 && z < s[3];
          const int64_t channel = g * inner + i / (kh * kw);
          patch[static_cast<size_t>(i)] = inside ? x.values<float>()[static_cast<size_t>(((n * s[1] + channel) * s[2] + y) * s[3] + z)] : 0.0;
        }
        for (int64_t i = 0; i < k; ++i) {
          for (int64_t j = 0; j < k; ++j) gram[static_cast<size_t>((g * k + i) * k + j)] += patch[static_cast<size_t>(i)] * patch[static_cast<size_t>(j)];
        }
      }
    }
  }
  return gram;
}

CalibrateOptions options(int threads = 1) {
  CalibrateOptions o;
  o.pool = std::make_shared<ThreadPool>(threads);
  o.batch = 3;
  return o;
}

TEST(Captures, GramOfAConvolutionIsThatOfItsPatches) {
  const ConvCase cases[] = {{{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1}, {{3, 2}, {2, 1}, {1, 2}, {0, 1, 2, 0}, 2}, {{1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1},
                            {{3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 4}, {{1, 1}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1}};
  for (const ConvCase& c : cases) {
    Graph g;
    const ValueId x = g.add_input("x", floats(g.dims(), {4, 8, 7}));
    const ValueId w = weight(g, "w", normal(Shape{8, 4 / c.groups, c.kernel[0], c.kernel[1]}, 1));
    g.add_output(g.add1(ops::kConv, {x, w}, {{"strides", c.strides}, {"dilations", c.dilations}, {"pads", c.pads}, {"group", c.groups}}));
    const Tensor data = normal(Shape{7, 4, 8, 7}, 5, 1, 0.3);
    const runtime::TensorSource source({"x"}, {data});
    Captures captures(g);
    captures.gram(g.order()[0]);
    calibrate(g, captures, source, options());
    const Tensor gram = captures.gram_of(g.order()[0]);
    EXPECT_EQ(gram.shape(), Captures::gram_shape(g, g.order()[0]));
    // f32 sums of 392 products at most: 1e-6 of the largest.
    EXPECT_LT(difference(gram_of_patches(data, c), to_double(gram)), 2e-6) << c.groups << " groups, kernel " << c.kernel[0];
  }
}

Graph two_layers() {
  Graph g;
  const ValueId x = g.add_input("x", floats(g.dims(), {5, 6}));
  const ValueId y = g.add1(ops::kMatMul, {x, weight(g, "w", normal(Shape{6, 9}, 2))}, {}, {.output_names = {"y"}});
  g.add_output(g.add1(ops::kMatMul, {g.add1(ops::kRelu, {y}, {}, {.output_names = {"r"}}), weight(g, "v", normal(Shape{9, 3}, 3))}));
  return g;
}

TEST(Captures, StatisticsAreThoseOfAllSamplesForAnyThreadCount) {
  const Graph g = two_layers();
  const Tensor data = normal(Shape{10, 5, 6}, 7);
  const runtime::TensorSource source({"x"}, {data});
  std::vector<Tensor> grams;
  for (const int threads : {1, 3}) {
    Captures captures(g);
    const ValueId r = g.find("r");
    captures.histogram(r);
    captures.channel_max(r, -1);
    captures.channel_mean(g.inputs()[0], 2);
    const NodeId second = g.order().back();
    captures.gram(second);
    calibrate(g, captures, source, options(threads));
    grams.push_back(captures.gram_of(second));

    Graph probe = g.clone();
    probe.set_outputs({r});
    const std::vector<double> values = test::run(probe, data);
    std::vector<double> extreme(9, 0.0), gram(81, 0.0);
    for (size_t i = 0; i < values.size(); ++i) {
      extreme[i % 9] = std::max(extreme[i % 9], std::fabs(values[i]));
      for (size_t j = 0; j < 9; ++j) gram[i % 9 * 9 + j] += values[i] * values[i / 9 * 9 + j];
    }
    EXPECT_LT(difference(extreme, captures.channel_max_of(r)), 1e-6);
    EXPECT_LT(difference(gram, to_double(grams.back())), 1e-6);
    const Histogram h = captures.histogram_of(r);
    EXPECT_EQ(h.count(), 450);
    EXPECT_NEAR(h.max(), *std::max_element(values.begin(), values.end()), 1e-5);
    std::vector<double> mean(6, 0.0);
    for (size_t i = 0; i < 300; ++i) mean[i % 6] += static_cast<double>(data.values<float>()[i]) / 50;
    EXPECT_LT(difference(mean, captures.channel_mean_of(g.inputs()[0])), 1e-5);
  }
  EXPECT_TRUE(grams[0].equal(grams[1]));
}

TEST(Captures, TooMuchMemoryIsRefusedInNumbers) {
  const Graph g = two_layers();
  Captures captures(g);
  captures.gram(g.order().back());
  CalibrateOptions o = options();
  o.state_bytes = 500;
  const runtime::TensorSource source({"x"}, {normal(Shape{4, 5, 6}, 7)});
  try {
    calibrate(g, captures, source, o);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("648 bytes, 500 are allowed"), std::string::npos) << e.what();
  }
}

TEST(Calibrate, SignalToNoiseIsThatOfTheOutputs) {
  const Graph g = two_layers();
  const runtime::TensorSource source({"x"}, {normal(Shape{4, 5, 6}, 7)});
  EXPECT_TRUE(std::isinf(least_signal_to_noise(g, g, source, options())));
  Graph off = g.clone();
  const Value& v = off.value(off.find("v"));
  std::vector<double> w = to_double(v.data);
  for (double& value : w) value *= 1.01;  // 40 dB
  off.value(off.find("v")).data = from_double(DType::kF32, v.data.shape(), w);
  EXPECT_NEAR(least_signal_to_noise(g, off, source, options()), 40, 0.01);
}

}  // namespace
}  // namespace omni::compress
