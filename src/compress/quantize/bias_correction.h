// Bias correction (Nagel et al. 2019, arXiv 1906.04721, section 4.2): rounded weights move the mean of an output by (W' − W) E[x]; the bias takes it back.
#pragma once

#include "compress/quantize/calibrate.h"
#include "graph/pass.h"

namespace omni::compress {

// Corrects the biases of `products` (Conv, Gemm) for the INT8 weights they will get, from the mean of each input channel over the samples: one pass.
// A product without bias gets one. At a convolution's border, zeros are counted as if they were pixels. Returns how many were corrected.
size_t correct_biases(Graph& graph, std::span<const NodeId> products, const runtime::SampleSource& source, const CalibrateOptions& options, PassContext& context);

}  // namespace omni::compress
