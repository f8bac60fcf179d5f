// Runs a graph over calibration samples and fills its captures: one pass, constant memory.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "compress/quantize/captures.h"
#include "core/isa.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "runtime/loop/batches.h"

namespace omni::compress {

struct CalibrateOptions {
  int64_t samples = 512;  // the first of the source
  int64_t batch = 16;     // at most, where the graph's batch is free; fewer where a batch would take more than batch_bytes
  size_t batch_bytes = size_t{16} << 20;
  size_t state_bytes = size_t{2} << 30;  // of all captures together
  std::shared_ptr<ThreadPool> pool;
  Isa isa = detect_isa();
  Progress progress;
};

// Fields of the source feed the graph's inputs of the same name, else those at the same place. Throws Error (kInvalidArgument) where they do not fit, and
// where the captures need more memory than options.state_bytes.
void calibrate(const Graph& graph, Captures& captures, const runtime::SampleSource& source, const CalibrateOptions& options);

std::map<ValueId, Histogram> calibrate(const Graph& graph, const std::vector<ValueId>& observed, const runtime::SampleSource& source,
                                       const CalibrateOptions& options);

// How well the outputs of one graph stand for those of another one, over the first options.samples: 10 log10(power / squared difference), each output's
// in dB; infinite where they are equal. Outputs that are not f32 are left out. The graphs have the same inputs and outputs.
std::vector<double> output_signal_to_noise(const Graph& reference, const Graph& other, const runtime::SampleSource& source, const CalibrateOptions& options);
// The least of them: what a choice between two graphs is made by.
double least_signal_to_noise(const Graph& reference, const Graph& other, const runtime::SampleSource& source, const CalibrateOptions& options);

// The graph's own batch, or 0 where it is free.
int64_t fixed_batch(const Graph& graph);

}  // namespace omni::compress
