#include "compress/quantize/weights.h"

#include "compress/quantize/bias_correction.h"
#include "compress/quantize/network_test.h"
#include "compress/quantize/weights_from_data.h"

namespace omni::compress {
namespace {

using namespace test;

// Weights as networks have them: a normal distribution with some outliers.
Tensor heavy_tailed(Shape shape, uint32_t seed) {
  Tensor t = normal(shape, seed, 0.05);
  std::mt19937 random(seed);
  for (float& v : t.mutable_values<float>()) v *= random() % 20 == 0 ? 5.0f : 1.0f;
  return t;
}

double error_of(const Tensor& w, int64_t group, int levels, BlockChoice choice, double power) {
  const std::vector<double> a = to_double(w), b = to_double(quantize_blocks(w, group, levels, choice).dequantized());
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += std::pow(std::fabs(a[i] - b[i]), power);
  return total;
}

TEST(Blocks, ValuesAreWithinHalfAStepOfAMinMaxBlock) {
  const Tensor w = normal(Shape{5, 70}, 1);
  const Tensor back = quantize_blocks(w, 32, 15, BlockChoice::kMinMax).dequantized();
  for (int64_t r = 0; r < 5; ++r) {
    for (int64_t b = 0; b < 70; b += 32) {
      const auto part = w.values<float>().subspan(static_cast<size_t>(r * 70 + b), static_cast<size_t>(std::min<int64_t>(32, 70 - b)));
      const BlockParams p = min_max_block(part, 15);
      for (size_t i = 0; i < part.size(); ++i) {
        // A step and the zero point's rounding: the extremes may lie half a step outside.
        EXPECT_LE(std::fabs(part[i] - back.values<float>()[static_cast<size_t>(r * 70 + b) + i]), 1.01f * p.scale);
      }
    }
  }
}

TEST(Blocks, SearchLowersTheSquaredErrorAndHalfQuadraticTheOtherNorm) {
  for (const int levels : {15, 7}) {
    const Tensor w = heavy_tailed(Shape{64, 128}, 3);
    EXPECT_LT(error_of(w, 32, levels, BlockChoice::kGrid, 2), 0.96 * error_of(w, 32, levels, BlockChoice::kMinMax, 2));
    EXPECT_LT(error_of(w, 32, levels, BlockChoice::kHalfQuadratic, 0.7), 0.97 * error_of(w, 32, levels, BlockChoice::kMinMax, 0.7));
  }
}

TEST(Blocks, ZerosAndOddValuesHaveASmallResult) {
  for (const float value : {0.0f, 1e-30f, -3.0f, 1e30f}) {
    for (const BlockChoice choice : {BlockChoice::kMinMax, BlockChoice::kGrid, BlockChoice::kHalfQuadratic}) {
      const std::vector<float> w(7, value);
      const BlockParams p = choose_block(w, 15, choice);
      EXPECT_GT(p.scale, 0);
      EXPECT_GE(p.zero_point, 0);
      EXPECT_LE(p.zero_point, 15);
    }
  }
}

TEST(Blocks, AValueThatIsNoNumberHasTheLowestLevel) {
  EXPECT_EQ(block_level(std::nan(""), {0.5F, 3}, 15), 0);
  EXPECT_EQ(block_level(INFINITY, {0.5F, 3}, 15), 15);
  EXPECT_EQ(block_level(-INFINITY, {0.5F, 3}, 15), 0);
}

struct Problem {
  Tensor w, gram;
};

// Inputs that depend on each other, as activations do.
Problem problem(int64_t rows, int64_t k, int64_t groups) {
  Problem p{heavy_tailed(Shape{rows, k}, 11), Tensor(DType::kF32, Shape{groups, k, k})};
  for (int64_t g = 0; g < groups; ++g) {
    const Tensor mix = normal(Shape{k, k}, 20 + static_cast<uint32_t>(g)), x = uneven(normal(Shape{3 * k, k}, 30 + static_cast<uint32_t>(g)), 1, 4, 40);
    std::vector<double> rows_of(static_cast<size_t>(3 * k * k), 0.0);
    for (int64_t n = 0; n < 3 * k; ++n) {
      for (int64_t i = 0; i < k; ++i) {
        double v = x.values<float>()[static_cast<size_t>(n * k + i)];
        for (int64_t j = 0; j < 4; ++j) v += 0.7 * x.values<float>()[static_cast<size_t>(n * k + j)] * mix.values<float>()[static_cast<size_t>(j * k + i)];
        rows_of[static_cast<size_t>(n * k + i)] = v;
      }
    }
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < k; ++j) {
        double sum = 0;
        for (int64_t n = 0; n < 3 * k; ++n) sum += rows_of[static_cast<size_t>(n * k + i)] * rows_of[static_cast<size_t>(n * k + j)];
        p.gram.mutable_values<float>()[static_cast<size_t>((g * k + i) * k + j)] = static_cast<float>(sum);
      }
    }
  }
  return p;
}

// The paper's method as optimal brain surgery states it: after each column, what is left is solved for exactly, with the inverse of H over the columns
// that are not rounded yet, found by Gaussian elimination. No Cholesky factor.
std::vector<double> solved_column_by_column(const Problem& p, const GptqOptions& o) {
  const size_t rows = static_cast<size_t>(p.w.shape()[0]), k = static_cast<size_t>(p.w.shape()[1]);
  std::vector<double> h = to_double(p.gram), w = to_double(p.w);
  double mean = 0;
  for (size_t i = 0; i < k; ++i) mean += h[i * k + i] / static_cast<double>(k);
  std::vector<size_t> order(k);
  for (size_t i = 0; i < k; ++i) order[i] = i;
  if (o.act_order) std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return h[a * k + a] > h[b * k + b]; });
  for (size_t i = 0; i < k; ++i) h[i * k + i] += o.damping * mean;
  std::vector<double> out(rows * k);
  for (size_t r = 0; r < rows; ++r) {
    std::vector<BlockParams> params(k);
    const std::span<const float> row = p.w.values<float>().subspan(r * k, k);
    const size_t group = static_cast<size_t>(o.group);
    for (size_t i = 0; i < k; ++i) {
      const size_t c = order[i], from = c / group * group;
      if (o.act_order) {
        params[c] = choose_block(row.subspan(from, std::min(group, k - from)), o.levels, o.choice);
      } else if (c % group == 0) {
        std::vector<float> now;
        for (size_t j = from; j < std::min(from + group, k); ++j) now.push_back(static_cast<float>(w[r * k + j]));
        for (size_t j = from; j < std::min(from + group, k); ++j) params[j] = choose_block(now, o.levels, o.choice);
      }
      const double q = block_value(block_level(w[r * k + c], params[c], o.levels), params[c]), error = w[r * k + c] - q;
      out[r * k + c] = q;
      // The rest moves by −H_rest^-1 H_(rest, c) · (q − w): solve for it.
      const size_t n = k - i - 1;
      std::vector<double> a(n * (n + 1));
      for (size_t y = 0; y < n; ++y) {
        for (size_t x = 0; x < n; ++x) a[y * (n + 1) + x] = h[order[i + 1 + y] * k + order[i + 1 + x]];
        a[y * (n + 1) + n] = h[order[i + 1 + y] * k + c] * error;
      }
      for (size_t y = 0; y < n; ++y) {
        for (size_t z = 0; z < n; ++z) {
          if (z == y) continue;
          const double f = a[z * (n + 1) + y] / a[y * (n + 1) + y];
          for (size_t x = y; x <= n; ++x) a[z * (n + 1) + x] -= f * a[y * (n + 1) + x];
        }
      }
      for (size_t y = 0; y < n; ++y) w[r * k + order[i + 1 + y]] += a[y * (n + 1) + n] / a[y * (n + 1) + y];
    }
  }
  return out;
}

TEST(Gptq, RoundsAsTheExactSolutionOfEachColumnDoes) {
  ThreadPool pool(2);
  const Problem p = problem(6, 24, 1);
  for (const bool act_order : {false, true}) {
    for (const int levels : {15, 7}) {
      const GptqOptions o{8, levels, 0.01, act_order, BlockChoice::kGrid};
      const std::vector<double> ours = to_double(quantize_gptq(p.w, p.gram, o, pool).dequantized()), truth = solved_column_by_column(p, o);
      for (size_t i = 0; i < ours.size(); ++i) EXPECT_NEAR(ours[i], truth[i], 1e-6) << i << " of act_order " << act_order;
    }
  }
}

TEST(Gptq, LowersTheErrorAtTheOutputsForAnyThreadCount) {
  ThreadPool one(1), three(3);
  const Problem p = problem(64, 160, 2);
  for (const int levels : {15, 7}) {
    const GptqOptions o{32, levels, 0.01, true, BlockChoice::kGrid};
    const BlockWeights a = quantize_gptq(p.w, p.gram, o, one), b = quantize_gptq(p.w, p.gram, o, three);
    EXPECT_TRUE(a.values.equal(b.values));
    EXPECT_TRUE(a.scales.equal(b.scales));
    const double nearest = output_error(p.w, quantize_blocks(p.w, 32, levels, BlockChoice::kGrid).dequantized(), p.gram);
    EXPECT_LT(output_error(p.w, a.dequantized(), p.gram), 0.5 * nearest);
  }
}

TEST(Gptq, AnInputThatIsAlwaysZeroIsRoundedToNearest) {
  ThreadPool pool(1);
  Problem p = problem(4, 32, 1);
  for (size_t i = 0; i < 32; ++i) p.gram.mutable_values<float>()[5 * 32 + i] = p.gram.mutable_values<float>()[i * 32 + 5] = 0;
  const std::vector<double> ours = to_double(quantize_gptq(p.w, p.gram, {}, pool).dequantized()), nearest = to_double(quantize_blocks(p.w, 32, 15, BlockChoice::kGrid).dequantized());
  for (size_t r = 0; r < 4; ++r) EXPECT_EQ(ours[r * 32 + 5], nearest[r * 32 + 5]);
  p.gram.mutable_values<float>()[0] = NAN;
  EXPECT_THROW(quantize_gptq(p.w, p.gram, {}, pool), Error);
}

CalibrateOptions options() {
  CalibrateOptions o;
  o.pool = std::make_shared<ThreadPool>(1);
  return o;
}

// A normalization with uneven channels, two layers behind it, a convolution's patches before.
Graph network() {
  Graph g;
  const ValueId x = g.add_input("x", floats(g.dims(), {8, 10, 10}));
  ValueId y = g.add1(ops::kRelu, {g.add1(ops::kConv, {x, weight(g, "c", normal(Shape{32, 8, 3, 3}, 1, 0.1))})});
  y = g.add1(ops::kRelu, {g.add1(ops::kConv, {y, weight(g, "d", heavy_tailed(Shape{32, 32, 3, 3}, 2))})});
  y = g.add1(ops::kReshape, {y, g.add_constant("shape", Tensor::of<int64_t>(Shape{3}, {0, 32, 36}))});
  y = g.add1(ops::kTranspose, {y}, {{"perm", std::vector<int64_t>{0, 2, 1}}});
  y = g.add1(ops::kLayerNormalization, {y, weight(g, "gamma", uneven(normal(Shape{32}, 3, 0.1, 1), 0, 6, 4)), weight(g, "beta", normal(Shape{32}, 5, 0.1))});
  y = g.add1(ops::kRelu, {g.add1(ops::kMatMul, {y, weight(g, "m", heavy_tailed(Shape{32, 64}, 6))})});
  g.add_output(g.add1(ops::kMatMul, {y, weight(g, "n", heavy_tailed(Shape{64, 16}, 7))}));
  return g;
}

TEST(WeightsFromData, RaiseTheSignalAtTheOutput) {
  const Graph g = network();
  const runtime::TensorSource source = samples(Shape{40, 8, 10, 10}, 8);
  PassContext context;
  const BlockOptions blocks{.group = 16, .bits = 3, .keep_ends_int8 = false, .choice = BlockChoice::kGrid};
  const auto signal = [&](const Graph& graph) { return least_signal_to_noise(g, graph, source, options()); };
  Graph nearest = g.clone(), scaled = g.clone(), awq = g.clone(), rounded = g.clone(), sequential = g.clone();
  quantize_weights_blocks(nearest, blocks, context);
  EXPECT_GE(scale_by_activations(scaled, blocks, source, options(), context), 1u);
  EXPECT_GT(signal(scaled), 100);  // still the float function
  quantize_weights_blocks(scaled, blocks, context);
  quantize_weights_gptq(rounded, blocks, {}, source, options(), context);
  quantize_weights_gptq(sequential, blocks, {.sequential = true}, source, options(), context);
  for (const Graph* graph : {&nearest, &scaled, &rounded, &sequential}) verify(*graph);
  EXPECT_GT(signal(scaled), signal(nearest));
  EXPECT_GT(signal(rounded), signal(nearest) + 1.5);
  EXPECT_GT(signal(sequential), signal(nearest) + 1.5);
}

TEST(WeightsFromData, LessMemoryTakesMorePasses) {
  const Graph g = network();
  const runtime::TensorSource source = samples(Shape{8, 8, 10, 10}, 8);
  PassContext context;
  const BlockOptions blocks{.group = 16, .keep_ends_int8 = false, .choice = BlockChoice::kGrid};
  CalibrateOptions small = options();
  small.state_bytes = 2 * 4 * 288 * 288 + 100;
  Graph a = g.clone();
  quantize_weights_gptq(a, blocks, {}, source, small, context);
  verify(a);
  small.state_bytes = 1000;
  Graph b = g.clone();
  EXPECT_THROW(quantize_weights_gptq(b, blocks, {}, source, small, context), Error);
}

TEST(BiasCorrection, TheMeanOfTheOutputsComesBack) {
  Graph g;
  const ValueId x = g.add_input("x", floats(g.dims(), {40}));
  g.add_output(g.add1(ops::kGemm, {x, weight(g, "w", heavy_tailed(Shape{40, 12}, 1)), weight(g, "b", normal(Shape{12}, 2))}));
  const Tensor data = normal(Shape{200, 40}, 3, 1, 2);
  const runtime::TensorSource source({"x"}, {data});
  const std::vector<NodeId> products = {g.order()[0]};
  Graph corrected = g.clone();
  PassContext context;
  EXPECT_EQ(correct_biases(corrected, products, source, options(), context), 1u);
  // With the weights as they will be stored, the outputs' means are those of the float network.
  const auto means = [&](const Graph& graph, bool rounded) {
    Graph copy = graph.clone();
    if (rounded) quantize_weights_int8(copy, context);
    const std::vector<double> y = test::run(copy, data);
    std::vector<double> mean(12, 0.0);
    for (size_t i = 0; i < y.size(); ++i) mean[i % 12] += y[i] / 200;
    return mean;
  };
  const std::vector<double> truth = means(g, false);
  EXPECT_LT(difference(truth, means(corrected, true)), 1e-5);
  EXPECT_GT(difference(truth, means(g, true)), 1e-4);
}

}  // namespace
}  // namespace omni::compress
