// Runs a graph over calibration samples and keeps one histogram for each observed tensor: one pass, constant memory.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "compress/quantize/histogram.h"
#include "core/progress.h"
#include "graph/graph.h"
#include "runtime/loop/batches.h"

namespace omni::compress {

using namespace graph;

struct CalibrateOptions {
  int64_t samples = 512;  // the first of the source
  int64_t batch = 16;     // where the graph's batch is free
  std::shared_ptr<ThreadPool> pool;
  Isa isa = detect_isa();
  Progress progress;
};

// Fields of the source feed the graph's inputs of the same name, else those at the same place. Throws Error (kInvalidArgument) where they do not fit.
std::map<ValueId, Histogram> calibrate(const Graph& graph, const std::vector<ValueId>& observed, const runtime::SampleSource& source,
                                       const CalibrateOptions& options);

}  // namespace omni::compress
