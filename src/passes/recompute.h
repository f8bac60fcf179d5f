// Values that the gradient reads are dropped after their last reader before it, and computed again when it comes to them: time for memory (Chen, Xu, Zhang
// and Guestrin, "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174).
//
// Runs on a graph that is prepared for a session: after layout, so that nothing merges the repetitions with what they repeat. A repetition is an ordinary
// node with the same operator and attributes and reads the same bytes, hence gives the same bytes (RandomMask's coins depend on its stream and the step).
// It stands right before its first reader. Commits stay with the first computation: running statistics are counted once.
//
// Which values: at the step where most is alive, of those that wait across it the one that costs least per byte, until enough is free or nothing helps.
// What the repetition itself needs is kept where it is kept anyway or small, else computed again too.
#pragma once

#include "passes/liveness.h"

namespace omni::passes {

struct Recomputation {
  std::vector<NodeId> order;    // of the changed graph
  int64_t peak_bytes = 0;       // most bytes alive at one step
  int64_t values = 0;           // that are computed again and not kept, and not just views
  int64_t kept = 0;             // that the gradient reads and that are kept
  int64_t operations = 0;       // of a run before
  int64_t more_operations = 0;  // of the repetitions
};

// `sized`: the graph with shapes that are numbers, same ids. `order`: of its nodes. Drops as much as it takes until at most `most_bytes` are alive at one
// step, or as much as helps: peak_bytes says which.
Recomputation recompute(Graph& graph, const Graph& sized, std::span<const NodeId> order, int64_t most_bytes);

}  // namespace omni::passes
