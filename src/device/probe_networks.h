// Networks that a probe times: layers of the kinds and sizes that real ones are made of, in f32 and with 8-bit weights and activations.
//
// They are graphs like any other, so what is timed is what sessions run: rewritten, fused and packed, one layer reading what the one before has
// written. Small ones stay in the nearest caches from run to run; those of `streamed_bytes` read their weights from main memory.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace omni::device {

using namespace graph;

struct ProbeNetwork {
  std::string name;
  Graph graph;
};

// The same networks every time; their numbers are seeded noise.
std::vector<ProbeNetwork> probe_networks(int64_t streamed_bytes);

}  // namespace omni::device
