#include "compress/prune/choose.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace omni::compress {
namespace {

constexpr WeightLayout kMatrix{.outputs = 8, .taps = 1, .inputs = 8, .output_step = 8, .tap_step = 0, .input_step = 1};

std::vector<float> ramp(int64_t count, float scale = 1) {
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(scale * static_cast<float>((i * 37 % count) + 1) * (i % 2 == 0 ? 1.0F : -1.0F));
  return values;
}

int64_t zeros(const std::vector<bool>& mask) { return std::count(mask.begin(), mask.end(), false); }

TEST(ChooseWeights, TheSmallestOfALayer) {
  const std::vector<float> w = ramp(64);
  const std::vector<PruneLayer> layers = {{"w", kMatrix}};
  const std::vector<std::span<const float>> weights = {w};
  const auto masks = choose_weights(layers, weights, {}, {}, PruneScope::kLayer, 0.75);
  EXPECT_EQ(zeros(masks[0]), 48);
  for (size_t i = 0; i < w.size(); ++i) EXPECT_EQ(masks[0][i], std::fabs(w[i]) > 48) << i;
  // What is gone stays gone, and counts.
  std::vector<bool> before(64, true);
  before[static_cast<size_t>(std::max_element(w.begin(), w.end(), [](float a, float b) { return std::fabs(a) < std::fabs(b); }) - w.begin())] = false;
  const auto next = choose_weights(layers, weights, {before}, {}, PruneScope::kLayer, 0.75);
  EXPECT_EQ(zeros(next[0]), 48);
  for (size_t i = 0; i < w.size(); ++i) EXPECT_TRUE(before[i] || !next[0][i]);
}

TEST(ChooseWeights, GlobalTakesFromTheLayerOfSmallWeights) {
  const std::vector<float> small = ramp(64, 0.01F), large = ramp(64);
  const std::vector<PruneLayer> layers = {{"small", kMatrix, 0.9}, {"large", kMatrix, 0.9}};
  const std::vector<std::span<const float>> weights = {small, large};
  const auto global = choose_weights(layers, weights, {}, {}, PruneScope::kGlobal, 0.5);
  EXPECT_EQ(zeros(global[0]), 57);  // no more than 90 % of a layer
  EXPECT_EQ(zeros(global[0]) + zeros(global[1]), 64);
  // LAMP's scores do not see a layer's scale: both lose the same.
  const auto lamp = choose_weights(layers, weights, {}, {}, PruneScope::kLamp, 0.5);
  EXPECT_EQ(zeros(lamp[0]), 32);
  EXPECT_EQ(zeros(lamp[1]), 32);
}

// LAMP's score of each of three weights, by hand: 1/14, 4/13, 9/9.
TEST(ChooseWeights, LampScoresByHand) {
  const std::vector<float> a = {1, 2, 3}, b = {1, 1, 10};  // 1/102, 1/101, 100/100
  const WeightLayout row{.outputs = 1, .taps = 1, .inputs = 3, .output_step = 3, .tap_step = 0, .input_step = 1};
  const std::vector<PruneLayer> layers = {{"a", row}, {"b", row}};
  const std::vector<std::span<const float>> weights = {a, b};
  const auto masks = choose_weights(layers, weights, {}, {}, PruneScope::kLamp, 0.5);
  EXPECT_EQ(masks[0], (std::vector<bool>{false, true, true}));
  EXPECT_EQ(masks[1], (std::vector<bool>{false, false, true}));
}

TEST(ChooseWeights, BlocksGoWhole) {
  const std::vector<float> w = ramp(64);
  const std::vector<PruneLayer> layers = {{"w", kMatrix}};
  const std::vector<std::span<const float>> weights = {w};
  const auto masks = choose_weights(layers, weights, {}, parse_pattern("1x4"), PruneScope::kLayer, 0.5);
  EXPECT_EQ(zeros(masks[0]), 32);
  for (size_t i = 0; i < 64; i += 4) {
    for (size_t j = 1; j < 4; ++j) EXPECT_EQ(masks[0][i], masks[0][i + j]);
  }
  const auto tall = choose_weights(layers, weights, {}, parse_pattern("4x1"), PruneScope::kLayer, 0.5);
  for (size_t o = 0; o < 8; ++o) {
    for (size_t i = 0; i < 8; ++i) EXPECT_EQ(tall[0][o * 8 + i], tall[0][o / 4 * 4 * 8 + i]);
  }
}

TEST(ChooseWeights, TwoOfFourInputs) {
  const WeightLayout conv{.outputs = 3, .taps = 2, .inputs = 6, .output_step = 12, .tap_step = 1, .input_step = 2};  // OIHW with two taps
  const std::vector<float> w = ramp(36);
  const std::vector<PruneLayer> layers = {{"w", conv}};
  const std::vector<std::span<const float>> weights = {w};
  const auto masks = choose_weights(layers, weights, {}, parse_pattern("2:4"), PruneScope::kLayer, 0);
  for (int64_t o = 0; o < 3; ++o) {
    for (int64_t t = 0; t < 2; ++t) {
      int kept = 0;
      for (int64_t i = 0; i < 4; ++i) kept += masks[0][static_cast<size_t>(conv.at(o, t, i))] ? 1 : 0;
      EXPECT_EQ(kept, 2);
      EXPECT_TRUE(masks[0][static_cast<size_t>(conv.at(o, t, 4))] && masks[0][static_cast<size_t>(conv.at(o, t, 5))]);  // a rest of two keeps two
    }
  }
}

TEST(ChooseWeights, ValuesThatAreNotFiniteStay) {
  std::vector<float> w = ramp(64);
  w[5] = NAN;
  w[9] = INFINITY;
  const std::vector<PruneLayer> layers = {{"w", kMatrix}};
  const std::vector<std::span<const float>> weights = {w};
  for (const PruneScope scope : {PruneScope::kLayer, PruneScope::kGlobal, PruneScope::kLamp}) {
    const auto masks = choose_weights(layers, weights, {}, {}, scope, 0.5);
    EXPECT_EQ(zeros(masks[0]), 32);
    EXPECT_TRUE(masks[0][5] && masks[0][9]);
  }
}

TEST(ChooseWeights, PatternsAreRead) {
  EXPECT_TRUE(parse_pattern("2:4").chooses());
  EXPECT_EQ(parse_pattern("4x4").outputs, 4);
  for (const char* wrong : {"", "3x4", "4:2", "1:64", "x", "2:", "1x4x2", "block", "0x1", "-1:4"}) EXPECT_THROW(parse_pattern(wrong), Error) << wrong;
}

TEST(ChooseWeights, ALayerKeepsSomething) {
  const std::vector<float> w = ramp(64);
  const std::vector<PruneLayer> layers = {{"w", kMatrix}};
  const std::vector<std::span<const float>> weights = {w};
  EXPECT_EQ(zeros(choose_weights(layers, weights, {}, {}, PruneScope::kGlobal, 1)[0]), 63);
}

}  // namespace
}  // namespace omni::compress
