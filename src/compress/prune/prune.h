// Magnitude pruning: at once, or gradually while the network trains.
//
// Gradual (Zhu and Gupta 2017, arXiv 1710.01878): after the share t of the pruning steps 1 - (1 - t)^3 of the wanted sparsity is reached, by the magnitudes
// of the weights then; the steps that are left retrain what remains.
#pragma once

#include <string>
#include <vector>

#include "compress/prune/choose.h"
#include "graph/pass.h"
#include "train/training_edit.h"

namespace omni::compress {

struct PruneOptions {
  Pattern pattern;
  PruneScope scope = PruneScope::kLayer;
  double sparsity = 0.5;
  double most = 1;                      // of a layer's weights that may go
  std::vector<std::string> layers;      // patterns of names; none: every weight of rank 2 and above but embeddings and depthwise convolutions
  std::vector<std::string> keep;        // patterns that stay dense
};

// Layers that the options choose, with a note for each weight that they leave. Throws Error (kInvalidArgument) when a pattern matches nothing, or nothing
// is left to prune.
std::vector<PruneLayer> layers_to_prune(const Graph& graph, const PruneOptions& options, PassContext& context);

// Zeros at once.
void prune(Graph& graph, const std::vector<PruneLayer>& layers, const PruneOptions& options);

// Prunes during the first `during` (0 to 1) of a training's steps; a trained model's masks are made permanent by apply_masks.
train::TrainingEdit gradual_pruning(const std::vector<PruneLayer>& layers, const PruneOptions& options, double during);

}  // namespace omni::compress
