#include "runtime/memory_plan.h"

#include <gtest/gtest.h>

#include "core/rng.h"

namespace omni::runtime {
namespace {

bool alive_together(const ArenaBlock& a, const ArenaBlock& b) { return a.first <= b.last && b.first <= a.last; }

void expect_sound(const std::vector<ArenaBlock>& blocks, const ArenaPlan& plan) {
  ASSERT_EQ(plan.offsets.size(), blocks.size());
  EXPECT_GE(plan.bytes, plan.lower_bound);
  for (size_t i = 0; i < blocks.size(); ++i) {
    EXPECT_EQ(plan.offsets[i] % kArenaAlignment, 0u);
    EXPECT_LE(plan.offsets[i] + blocks[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j) {
      if (!alive_together(blocks[i], blocks[j]) || blocks[i].bytes == 0 || blocks[j].bytes == 0) continue;
      const bool apart = plan.offsets[i] + blocks[i].bytes <= plan.offsets[j] || plan.offsets[j] + blocks[j].bytes <= plan.offsets[i];
      EXPECT_TRUE(apart) << i << " and " << j;
    }
  }
}

TEST(MemoryPlan, BlocksAliveTogetherNeverOverlap) {
  size_t worst_bytes = 0, worst_bound = 1;
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const core::RandomStream random(seed, "blocks");
    std::vector<ArenaBlock> blocks;
    const uint64_t count = random.below(0, 60), steps = 1 + random.below(1, 40);
    for (uint64_t i = 0; i < count; ++i) {
      const auto first = static_cast<int32_t>(random.below(10 + 3 * i, steps));
      const auto length = static_cast<int32_t>(random.below(11 + 3 * i, 8));
      blocks.push_back({random.below(12 + 3 * i, 5000), first, std::min(first + length, static_cast<int32_t>(steps) - 1)});
    }
    const ArenaPlan plan = plan_arena(blocks);
    expect_sound(blocks, plan);
    if (plan.bytes * worst_bound > worst_bytes * plan.lower_bound) {
      worst_bytes = plan.bytes;
      worst_bound = plan.lower_bound;
    }
  }
  EXPECT_LE(static_cast<double>(worst_bytes) / static_cast<double>(worst_bound), 1.35) << "the worst of 200 random networks";
}

TEST(MemoryPlan, AChainNeedsItsTwoLargestNeighbours) {
  std::vector<ArenaBlock> blocks;
  const size_t sizes[] = {640, 1280, 64, 2560, 128, 640};
  for (int32_t i = 0; i < 6; ++i) blocks.push_back({sizes[i], i, i + 1});
  const ArenaPlan plan = plan_arena(blocks);
  expect_sound(blocks, plan);
  EXPECT_EQ(plan.lower_bound, 2560u + 128u);
  EXPECT_EQ(plan.bytes, plan.lower_bound);
}

TEST(MemoryPlan, TakesTheSmallestGapThatFits) {
  // Two blocks that end after step 0 leave gaps of 5120 and 3072; the last block goes into the smaller.
  const std::vector<ArenaBlock> blocks = {{5120, 0, 0}, {4096, 0, 9}, {3072, 0, 0}, {2048, 0, 9}, {1000, 1, 1}};
  const ArenaPlan plan = plan_arena(blocks);
  expect_sound(blocks, plan);
  EXPECT_EQ(plan.offsets[4], plan.offsets[2]);
}

TEST(MemoryPlan, NothingAndEmptyBlocks) {
  EXPECT_EQ(plan_arena({}).bytes, 0u);
  const std::vector<ArenaBlock> empty = {{0, 0, 3}, {0, 1, 1}};
  EXPECT_EQ(plan_arena(empty).bytes, 0u);
}

}  // namespace
}  // namespace omni::runtime
