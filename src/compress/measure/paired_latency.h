// Two models timed in turns on this machine: what slows one down slows the other down, so that their ratio holds where their times do not.
#pragma once

#include <vector>

#include "core/isa.h"
#include "core/progress.h"
#include "graph/graph.h"

namespace omni::compress {

using namespace graph;

struct LatencyOptions {
  std::vector<Tensor> inputs;  // of one run, in the order of both graphs
  double seconds = 1;          // for both together; at least 7 turns each, which is what an interval takes
  Isa isa = detect_isa();
  Progress progress;
};

struct PairedLatency {
  double before = 0, after = 0;         // seconds, medians over turns
  double ratio = 1, low = 1, high = 1;  // after / before: the median over turns, with its 95 % interval (core/statistics.h)
  int64_t turns = 0;
};

// One thread. Throws what sessions throw.
PairedLatency compare_latency(const Graph& before, const Graph& after, const LatencyOptions& options);

}  // namespace omni::compress
