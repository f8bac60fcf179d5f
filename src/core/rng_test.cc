#include "core/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

namespace omni::core {
namespace {

void expect_block(const PhiloxBlock& found, std::initializer_list<uint32_t> expected) {
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), found.words));
}

// kat_vectors of Random123 1.09, philox4x32 10.
TEST(Philox, KnownAnswers) {
  expect_block(philox4x32({{0, 0, 0, 0}}, 0, 0), {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  expect_block(philox4x32({{~0u, ~0u, ~0u, ~0u}}, ~0u, ~0u), {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  expect_block(philox4x32({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0),
               {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST(RandomStream, EveryCoordinateCounts) {
  std::set<uint32_t> seen;
  for (uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40}) {
    for (const char* name : {"", "conv1.weight", "conv2.weight"}) {
      for (uint64_t step : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 33}) {
        for (uint64_t element : {uint64_t{0}, uint64_t{1}, uint64_t{5}, uint64_t{1} << 36}) {
          seen.insert(random_bits(seed, name_hash(name), step, element));
        }
      }
    }
  }
  EXPECT_EQ(seen.size(), 3u * 3 * 3 * 4);
  EXPECT_EQ(name_hash("a"), 0xaf63dc4c8601ec8cull);  // published FNV-1a value
}

TEST(RandomStream, ValuesAreTheSameOnEveryMachine) {
  const RandomStream stream(1, "weights");
  const float expected_uniform[] = {0x1.287c140000000p-2f, 0x1.8cd9e80000000p-1f, 0x1.cba7c00000000p-3f, 0x1.f9d0a00000000p-3f};
  const float expected_normal[] = {0x1.fa6d420000000p-3f, -0x1.8e0fda0000000p+0f, 0x1.0cb3480000000p-5f, 0x1.ba756c0000000p+0f};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(stream.uniform(i), expected_uniform[i]) << std::hexfloat << stream.uniform(i);
    EXPECT_EQ(stream.normal(i), expected_normal[i]) << std::hexfloat << stream.normal(i);
  }
}

TEST(RandomStream, NormalAgreesWithTheFormula) {
  const RandomStream stream(7, "normal");
  for (uint64_t i = 0; i < 20000; i += 2) {
    const double u = (stream.bits(i) + 1.0) * 0x1p-32, turn = stream.bits(i + 1) * 0x1p-32;
    const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::acos(-1.0) * turn;
    EXPECT_NEAR(stream.normal(i), radius * std::cos(angle), 5e-7);  // half an ulp of a float below 8
    EXPECT_NEAR(stream.normal(i + 1), radius * std::sin(angle), 5e-7);
  }
}

TEST(RandomStream, Moments) {
  const RandomStream stream(3, "moments");
  constexpr int kCount = 200000;
  double uniform = 0, normal = 0, square = 0, fourth = 0;
  for (uint64_t i = 0; i < kCount; ++i) {
    const float u = stream.uniform(i);
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    const double x = stream.normal(i);
    uniform += u;
    normal += x;
    square += x * x;
    fourth += x * x * x * x;
  }
  // Four standard errors each.
  EXPECT_NEAR(uniform / kCount, 0.5, 4 * std::sqrt(1.0 / 12 / kCount));
  EXPECT_NEAR(normal / kCount, 0, 4 * std::sqrt(1.0 / kCount));
  EXPECT_NEAR(square / kCount, 1, 4 * std::sqrt(2.0 / kCount));
  EXPECT_NEAR(fourth / kCount, 3, 4 * std::sqrt(96.0 / kCount));
}

TEST(RandomStream, BelowIsUniformAndInRange) {
  const RandomStream stream(5, "below");
  int counts[7] = {};
  for (uint64_t i = 0; i < 70000; ++i) ++counts[stream.below(i, 7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 4 * std::sqrt(70000 * 6.0 / 49));
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(stream.below(i, 1), 0u);
  uint64_t highest = 0;
  for (uint64_t i = 0; i < 100; ++i) highest = std::max(highest, stream.below(i, ~uint64_t{0}));
  EXPECT_GT(highest, uint64_t{15} << 60);
}

TEST(Shuffle, IsAPermutationPerSeedAndEpoch) {
  EXPECT_TRUE(shuffle(1, 0, 0).empty());
  const std::vector<int64_t> order = shuffle(1, 0, 1000);
  EXPECT_EQ(order, shuffle(1, 0, 1000));
  EXPECT_NE(order, shuffle(1, 1, 1000));
  EXPECT_NE(order, shuffle(2, 0, 1000));
  std::vector<int64_t> sorted = order;
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int64_t>(i));
  int fixed = 0;
  for (size_t i = 0; i < order.size(); ++i) fixed += order[i] == static_cast<int64_t>(i);
  EXPECT_LT(fixed, 10);  // one is expected
}

}  // namespace
}  // namespace omni::core
