// Block weights chosen with data: AWQ's scales and GPTQ's rounding, over a whole network.
//
// Both need the Gram matrices of what the products read. They are measured for as many layers at once as the memory allows, layers behind the ones
// that are rounded already being measured with those.
#pragma once

#include "compress/quantize/calibrate.h"
#include "compress/quantize/gptq.h"
#include "compress/quantize/weight_only.h"

namespace omni::compress {

// AWQ (Lin et al. 2023, arXiv 2306.00978): channels with large inputs get larger weights, s = rms(x)^alpha, folded into what comes before; alpha from 20 steps
// of 0 … 1 by the squared error at the products' outputs. Returns the points whose weights were scaled; they are quantized after that, by any rounding.
size_t scale_by_activations(Graph& graph, const BlockOptions& blocks, const runtime::SampleSource& source, const CalibrateOptions& options, PassContext& context);

struct GptqLayers {
  double damping = 0.01;
  bool act_order = true;
  bool sequential = false;  // measure every layer behind the rounded ones, one pass over the samples for each activation
};

// Weights whose inputs have no Gram matrix are rounded to nearest, with a note.
void quantize_weights_gptq(Graph& graph, const BlockOptions& blocks, const GptqLayers& gptq, const runtime::SampleSource& source, const CalibrateOptions& options,
                           PassContext& context);

}  // namespace omni::compress
