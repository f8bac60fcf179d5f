// From one inference graph to the two that training runs: `train` with gradients, updates and commits, `eval` with the loss alone. Their states
// have the names of the model's weights, so both attach to one StateSet.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"
#include "train/losses.h"
#include "train/mark_parameters.h"
#include "train/optimizer.h"
#include "train/training_edit.h"

namespace omni::train {

struct TrainingGraphOptions {
  MarkOptions parameters;
  LossOptions loss;
  OptimizerOptions optimizer;
  TrainingEdit edit = {};
};

struct TrainingGraphs {
  Graph model{"main"};  // the inference graph with states for parameters and running statistics: what a trained model is made from
  Graph train{"train"}, eval{"eval"};  // outputs: prediction, loss
  std::string target, rate, step, seed;  // inputs of `train` (step and seed are "" where it has none); `eval` has `target`
  std::string prediction, loss;          // the outputs of both
  std::vector<std::string> parameters;   // what is trained
  std::vector<std::string> notes;        // what a user should know: parameters without influence, frozen batch norms
};

// Throws Error: what mark_parameters, set_mode, append_loss, differentiate throw.
TrainingGraphs build_training_graphs(const Graph& inference, const TrainingGraphOptions& options);

}  // namespace omni::train
