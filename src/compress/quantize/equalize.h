// Scaling between layers, so that no channel of an activation or of weights is far smaller than the others and lost in rounding.
#pragma once

#include "compress/quantize/calibrate.h"
#include "graph/pass.h"

namespace omni::compress {

// Cross-layer equalization (Nagel, van Baalen, Blankevoort, Welling 2019, arXiv 1906.04721): for two products with a ReLU between, s = √(r1 r2) / r2 makes
// the ranges r of each channel equal on both sides, again and again over all pairs until nothing moves. Without data. With `clips`, Clip(0, high)
// between becomes ReLU, as the paper does with ReLU6: values above `high` then pass. Returns the pairs.
size_t equalize_layers(Graph& graph, bool clips, PassContext& context);

// SmoothQuant (Xiao et al. 2023, arXiv 2211.10438): s_j = max|X_j|^alpha / max|W_j|^(1 − alpha) between a normalization and the products that read it,
// from one pass over the samples. Returns the points.
size_t smooth_activations(Graph& graph, double alpha, const runtime::SampleSource& source, const CalibrateOptions& options, PassContext& context);

}  // namespace omni::compress
