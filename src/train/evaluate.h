// How good a model is on a data set: top-k accuracy, loss, squared error. Any model, any engine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/isa.h"
#include "core/progress.h"
#include "graph/graph.h"
#include "runtime/engine.h"
#include "train/metrics.h"
#include "train/sample_data.h"

namespace omni::train {

struct EvaluateOptions {
  int64_t batch = 64;          // where the model's batch is free; else the model's own
  std::vector<int64_t> top = {1, 5};
  std::string output = {};     // which output; "": the first
  ScoreKind scores = ScoreKind::kLogits;  // what the output is, for the loss
  bool each = false;           // every sample's score, too
  int64_t limit = 0;           // only the first samples; 0: all
  Progress progress = {};
};

struct Evaluation {
  int64_t samples = 0;
  int64_t labels = 0;                 // 0: the targets are values
  std::vector<int64_t> correct;       // for each of `top`
  double loss = 0;                    // mean cross-entropy over the labels
  double mean_squared_error = 0;      // over all elements, for targets that are values
  double seconds = 0;                 // in the engine
  std::vector<float> scores;          // with EvaluateOptions::each: for each sample the share of its labels that were right, or its mean squared error
  double accuracy(size_t i = 0) const { return labels > 0 ? static_cast<double>(correct[i]) / static_cast<double>(labels) : 0; }
};

// `data` must have been matched with the engine's inputs. Throws Error: kInvalidArgument where output and targets do not fit, and what the engine throws.
Evaluation evaluate(runtime::Engine& engine, const SampleData& data, const EvaluateOptions& options = {});
std::vector<InputShape> input_shapes(const runtime::Engine& engine);

// The same for a graph of ours, whose kind of scores is found out (a final Softmax or LogSoftmax).
Evaluation evaluate(const Graph& model, const SampleData& data, EvaluateOptions options = {}, runtime::SessionOptions session = {});
// What the output of that name ("": the first) is.
ScoreKind score_kind(const Graph& model, const std::string& output = {});

}  // namespace omni::train
