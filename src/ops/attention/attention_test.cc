// Attention and what stands around it, against direct sums in double.
#include <gtest/gtest.h>

#include <cmath>

#include "ops/op_case_test.h"

namespace omni::ops {
namespace {

struct Sizes {
  int64_t batch, heads, groups, queries, keys, size, value;
};

// May query i of batch b see key j?
using Sees = std::function<bool(int64_t b, int64_t i, int64_t j)>;

Outputs attention(const Inputs& in, const Sizes& s, const Sees& sees, double cap = 0) {
  const std::vector<double> q = to_double(*in[0]), k = to_double(*in[1]), v = to_double(*in[2]);
  std::vector<double> y(static_cast<size_t>(s.batch * s.heads * s.queries * s.value));
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < s.heads; ++h) {
      const int64_t g = b * s.groups + h / (s.heads / s.groups);
      for (int64_t i = 0; i < s.queries; ++i) {
        const int64_t row = (b * s.heads + h) * s.queries + i;
        std::vector<double> weights(static_cast<size_t>(s.keys));
        double total = 0;
        for (int64_t j = 0; j < s.keys; ++j) {
          double score = 0;
          for (int64_t d = 0; d < s.size; ++d)
            score += q[static_cast<size_t>(row * s.size + d)] * k[static_cast<size_t>((g * s.keys + j) * s.size + d)];
          score /= std::sqrt(static_cast<double>(s.size));
          if (cap > 0) score = cap * std::tanh(score / cap);
          weights[static_cast<size_t>(j)] = sees(b, i, j) ? std::exp(score) : 0;
          total += weights[static_cast<size_t>(j)];
        }
        for (int64_t j = 0; j < s.keys && total > 0; ++j) {
          for (int64_t d = 0; d < s.value; ++d) {
            y[static_cast<size_t>(row * s.value + d)] +=
                weights[static_cast<size_t>(j)] / total * v[static_cast<size_t>((g * s.keys + j) * s.value + d)];
          }
        }
      }
    }
  }
  return {y};
}

bool all(int64_t, int64_t, int64_t) { return true; }

OpCase attention_case(std::string name, const Sizes& s, Sees sees, Attributes attributes = {}) {
  return {.name = std::move(name),
          .op = &kAttention,
          .inputs = {wave(Shape{s.batch, s.heads, s.queries, s.size}), wave(Shape{s.batch, s.groups, s.keys, s.size}, 0.8),
                     wave(Shape{s.batch, s.groups, s.keys, s.value}, 1.5)},
          .attributes = std::move(attributes),
          .reference = [s, sees](const Inputs& in) { return attention(in, s, sees); },
          .tolerance = 5e-6};
}

TEST(Attention, Cases) {
  check(attention_case("plain", {2, 3, 3, 4, 5, 8, 6}, all));
  check(attention_case("grouped heads", {2, 6, 2, 4, 5, 8, 6}, all));
  const auto causal = [](int64_t, int64_t i, int64_t j) { return j <= i; };
  check(attention_case("causal", {1, 2, 2, 5, 5, 4, 4}, causal, {{"is_causal", int64_t{1}}}));
  const auto window = [](int64_t, int64_t i, int64_t j) { return j >= i - 1 && j <= i + 2; };
  check(attention_case("window", {1, 2, 2, 5, 6, 4, 4}, window, {{"left_window_size", int64_t{1}}, {"right_window_size", int64_t{2}}}));
  OpCase padded =
      attention_case("padding; one query sees nothing", {2, 2, 2, 3, 4, 4, 4},
                     [](int64_t b, int64_t i, int64_t j) { return j < (b == 0 ? 4 : 2) && j <= i + (b == 0 ? 1 : -1); }, {{"is_causal", int64_t{1}}});
  padded.inputs.insert(padded.inputs.end(), {std::nullopt, std::nullopt, std::nullopt, ints({4, 2})});
  check(padded);
  OpCase masked = attention_case("boolean mask shorter than the keys", {1, 2, 2, 2, 4, 4, 4},
                                 [](int64_t, int64_t i, int64_t j) { return j < 3 && (i + j) % 2 == 0; });
  masked.inputs.push_back(Tensor::of<bool>(Shape{2, 3}, {true, false, true, false, true, false}));
  check(masked);
  OpCase capped = attention_case("soft cap", {1, 2, 2, 3, 4, 4, 4}, all, {{"softcap", 0.5f}});
  capped.reference = [](const Inputs& in) { return attention(in, {1, 2, 2, 3, 4, 4, 4}, all, 0.5); };
  check(capped);
}

TEST(Attention, RefusesWhatDoesNotFit) {
  const Tensor q = wave(Shape{1, 2, 3, 4});
  expect_refused(kAttention, {q, wave(Shape{1, 3, 3, 4}), wave(Shape{1, 3, 3, 4})}, {}, "do not divide");
  expect_refused(kAttention, {wave(Shape{1, 3, 8}), wave(Shape{1, 3, 8}), wave(Shape{1, 3, 8})}, {}, "need q_num_heads");
  expect_refused(kAttention, {q, q, q}, {{"qk_matmul_output_mode", int64_t{7}}}, "qk_matmul_output_mode");
}

TEST(RotaryEmbedding, TurnsPairs) {
  // Angles 0 and 90 degrees at positions 0 and 1.
  const Tensor x = Tensor::of<float>(Shape{1, 1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor cosine = Tensor::of<float>(Shape{2, 2}, {1, 1, 0, 0}), sine = Tensor::of<float>(Shape{2, 2}, {0, 0, 1, 1});
  const Tensor ids = Tensor::of<int64_t>(Shape{1, 2}, {0, 1});
  check({.name = "halves", .op = &kRotaryEmbedding, .inputs = {x, cosine, sine, ids}, .expected = {{1, 2, 3, 4, -7, -8, 5, 6}}});
  check({.name = "interleaved",
         .op = &kRotaryEmbedding,
         .inputs = {x, cosine, sine, ids},
         .attributes = {{"interleaved", int64_t{1}}},
         .expected = {{1, 2, 3, 4, -6, 5, -8, 7}}});
}

TEST(RmsNormalization, Cases) {
  const double r = std::sqrt((1 + 4 + 9 + 16) / 4.0 + 1e-5);
  check({.name = "row",
         .op = &kRMSNormalization,
         .inputs = {Tensor::of<float>(Shape{1, 4}, {1, 2, 3, 4}), Tensor::of<float>(Shape{4}, {1, 2, 1, 2})},
         .expected = {{1 / r, 4 / r, 3 / r, 8 / r}}});
}

TEST(LpNormalization, ZerosStay) {
  const Tensor x = Tensor::of<float>(Shape{2, 2}, {3, 4, 0, 0});
  check({.name = "2", .op = &kLpNormalization, .inputs = {x}, .expected = {{0.6, 0.8, 0, 0}}});
  check({.name = "1", .op = &kLpNormalization, .inputs = {x}, .attributes = {{"p", int64_t{1}}}, .expected = {{3.0 / 7, 4.0 / 7, 0, 0}}});
}

TEST(Swish, Cases) {
  const auto swish = [](double x, double alpha) { return x / (1 + std::exp(-alpha * x)); };
  const Tensor x = Tensor::of<float>(Shape{3}, {-1, 0.5f, 2});
  check({.name = "alpha",
         .op = &kSwish,
         .inputs = {x},
         .attributes = {{"alpha", 1.5f}},
         .expected = {{swish(-1, 1.5), swish(0.5, 1.5), swish(2, 1.5)}}});
  check({.name = "gate",
         .op = &kSwiGLU,
         .inputs = {x, Tensor::of<float>(Shape{3}, {2, 3, -4})},
         .expected = {{2 * swish(-1, 1), 3 * swish(0.5, 1), -4 * swish(2, 1)}}});
}

TEST(TensorScatter, WritesRows) {
  const Inputs in = {Tensor(DType::kF32, Shape{2, 3, 1}), Tensor::of<float>(Shape{2, 2, 1}, {1, 2, 3, 4}), ints({0, 1})};
  check({.name = "linear", .op = &kTensorScatter, .inputs = in, .expected = {{1, 2, 0, 0, 3, 4}}});
  const Inputs round = {in[0], in[1], ints({2, 4})};
  check({.name = "circular", .op = &kTensorScatter, .inputs = round, .attributes = {{"mode", "circular"}}, .expected = {{2, 0, 1, 0, 3, 4}}});
}

TEST(CausalConvWithState, CarriesOn) {
  const Tensor x = Tensor::of<float>(Shape{1, 1, 3}, {1, 2, 3}), w = Tensor::of<float>(Shape{1, 1, 2}, {10, 1});
  check({.name = "from nothing", .op = &kCausalConvWithState, .inputs = {x, w}, .outputs = 2, .expected = {{1, 12, 23}, {3}}});
  check({.name = "from a state",
         .op = &kCausalConvWithState,
         .inputs = {x, w, std::nullopt, Tensor::of<float>(Shape{1, 1, 1}, {5})},
         .outputs = 2,
         .expected = {{51, 12, 23}, {3}}});
}

TEST(LinearAttention, GatedDelta) {
  // One head, key and value of one number each: S = e^g S + beta k (v - e^g S k).
  const Inputs in = {Tensor::of<float>(Shape{1, 2, 1}, {1, 2}),
                     Tensor::of<float>(Shape{1, 2, 1}, {0.5f, 1}),
                     Tensor::of<float>(Shape{1, 2, 1}, {2, 3}),
                     std::nullopt,
                     Tensor::of<float>(Shape{1, 2, 1}, {0, static_cast<float>(std::log(0.5))}),
                     Tensor::of<float>(Shape{1, 2, 1}, {1, 0.5f})};
  const double first = 0.5 * 2, kept = 0.5 * first, second = kept + 0.5 * (3 - kept);
  const Attributes heads = {{"q_num_heads", int64_t{1}}, {"kv_num_heads", int64_t{1}}};
  check(
      {.name = "two tokens", .op = &kLinearAttention, .inputs = in, .attributes = heads, .outputs = 2, .expected = {{first, 2 * second}, {second}}});
  expect_refused(kLinearAttention, {in[0], in[1], in[2]}, heads, "do not go with update_rule");
}

}  // namespace
}  // namespace omni::ops
