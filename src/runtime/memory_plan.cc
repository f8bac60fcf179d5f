#include "runtime/memory_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "core/error.h"

namespace omni::runtime {

namespace {

constexpr size_t kLimit = size_t{1} << 62;

size_t rounded(size_t bytes) {
  if (bytes > kLimit) throw Error(ErrorCode::kMachine, "the intermediate values do not fit into memory");
  return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
}

size_t most_alive(std::span<const ArenaBlock> blocks) {
  int32_t steps = 0;
  for (const ArenaBlock& b : blocks) steps = std::max(steps, b.last + 1);
  std::vector<size_t> begins(static_cast<size_t>(steps) + 1, 0), ends(begins);
  for (const ArenaBlock& b : blocks) {
    begins[static_cast<size_t>(b.first)] += rounded(b.bytes);
    ends[static_cast<size_t>(b.last) + 1] += rounded(b.bytes);
  }
  size_t alive = 0, most = 0;
  for (size_t i = 0; i < begins.size(); ++i) {
    alive = alive + begins[i] - ends[i];
    most = std::max(most, alive);
  }
  return most;
}

struct Placed {
  size_t begin, end;
  int32_t first, last;
};

// `placed` is sorted by offset.
size_t best_offset(const std::vector<Placed>& placed, const ArenaBlock& block, size_t bytes) {
  size_t best = 0, best_gap = std::numeric_limits<size_t>::max();
  size_t end = 0;  // of the blocks passed so far that are alive with this one
  for (const Placed& p : placed) {
    if (p.last < block.first || p.first > block.last) continue;
    if (p.begin > end && p.begin - end >= bytes && p.begin - end < best_gap) {
      best = end;
      best_gap = p.begin - end;
    }
    end = std::max(end, p.end);
  }
  return best_gap == std::numeric_limits<size_t>::max() ? end : best;
}

}  // namespace

ArenaPlan plan_arena(std::span<const ArenaBlock> blocks) {
  ArenaPlan plan;
  plan.offsets.resize(blocks.size(), 0);
  plan.lower_bound = most_alive(blocks);
  std::vector<size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return blocks[a].bytes > blocks[b].bytes; });
  std::vector<Placed> placed;
  placed.reserve(blocks.size());
  for (const size_t i : order) {
    const size_t bytes = rounded(blocks[i].bytes);
    if (bytes == 0) continue;
    const size_t offset = best_offset(placed, blocks[i], bytes);
    if (offset > kLimit - bytes) throw Error(ErrorCode::kMachine, "the intermediate values do not fit into memory");
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    const Placed added{offset, offset + bytes, blocks[i].first, blocks[i].last};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), added, [](const Placed& a, const Placed& b) { return a.begin < b.begin; }), added);
  }
  return plan;
}

}  // namespace omni::runtime
