// Where the intermediate values of a plan lie in one arena.
//
// Each block is alive from the step that writes it to the last step that reads it. Blocks are placed in order of size, the largest first (ties: the
// earlier one); each goes into the smallest gap, among the blocks placed that are alive with it, that holds it, or else behind the last of them. This
// is "greedy by size for offset calculation" of Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference" (MLSys 2020 workshop),
// with best fit; on their networks it comes within a few percent of the lower bound. Depends on nothing but the list of blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace omni::runtime {

inline constexpr size_t kArenaAlignment = 64;

struct ArenaBlock {
  size_t bytes = 0;
  int32_t first = 0, last = 0;  // steps, both included
};

struct ArenaPlan {
  std::vector<size_t> offsets;  // of each block, a multiple of 64; 0 for empty blocks
  size_t bytes = 0;             // of the arena
  size_t lower_bound = 0;       // the most bytes (each block rounded up to 64) alive at one step
};

// Throws Error (kMachine) when the sizes pass 2^62.
ArenaPlan plan_arena(std::span<const ArenaBlock> blocks);

}  // namespace omni::runtime
