// Random numbers of ai.onnx's random operators. Their values are ours: Philox, by seed, node and run (core/rng.h); other engines give others.
//
// A node's stream is named by the node; its seed is the attribute's bits, 0 where it is absent. Every run of a bound node takes the next step of the
// stream, so a new session repeats the numbers of the first one, and a body run in a Loop gets new numbers each time.
#pragma once

#include <atomic>
#include <bit>

#include "core/rng.h"
#include "ops/op_list.h"

namespace omni::ops {

struct NodeStream {
  uint64_t seed = 0, name = 0;
  mutable std::atomic<uint64_t> runs = 0;

  explicit NodeStream(const PlannedNode& n)
      : seed(n.attributes.has("seed") ? std::bit_cast<uint32_t>(n.attributes.get_float("seed", 0)) : 0), name(name_hash(n.name)) {}
  RandomStream next() const { return RandomStream(seed, name, runs.fetch_add(1, std::memory_order_relaxed)); }
};

inline constexpr int64_t kRandomGrain = 1 << 14;  // elements of a task, a multiple of a block's four

// A dtype attribute's element type; `fallback` where it is absent, nothing where the number is none of ours.
std::optional<DType> random_dtype(const Attributes& a, DType fallback);

// Writes element i of y, of any float or integer type.
void store_random(const TensorView& y, int64_t i, double v) noexcept;

}  // namespace omni::ops
