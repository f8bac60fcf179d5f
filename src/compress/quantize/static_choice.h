// Static INT8 by what it does to the outputs: which observer, whether biases are corrected and layers equalized, decided by the signal-to-noise ratio of the
// quantized network's outputs against the float network's, on some of the calibration samples.
#pragma once

#include "compress/quantize/calibrate.h"
#include "compress/quantize/static.h"

namespace omni::compress {

enum class Try : uint8_t { kNever, kAlways, kConfirmed };  // kConfirmed: kept where the outputs are better for it

struct StaticOptions {
  Observer observer = Observer::kAuto;
  double percentile = 99.99;
  Try bias_correction = Try::kConfirmed;
};

// One observer for all tensors, or with kAuto the best of squared error, min-max and percentile, and cross-layer equalization where that is better still.
// Better means that the least of the outputs' ratios rises. Notes say what was tried.
std::vector<TensorReport> quantize_static(Graph& graph, const StaticOptions& options, const runtime::SampleSource& source, const CalibrateOptions& calibration,
                                          PassContext& context);

}  // namespace omni::compress
