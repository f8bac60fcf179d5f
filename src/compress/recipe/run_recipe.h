// A recipe carried out on a model, step by step, in a work folder from which a run that was stopped or killed at any moment goes on.
//
// The folder holds a journal (recipe.journal) of every figure, the model as it was, what every step made of it (N-METHOD.omni) and a folder for the step's own
// checkpoints (N-METHOD/). A step's result is always read back from its file, so that an undisturbed run and a resumed one go the same way. Decisions
// read the journal alone. The result is a function of recipe, model, data, seed, version and instruction set, and of the measured latencies where the
// recipe decides by the host: by the same journal, or with `decide: model`, it is the same bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compress/recipe/recipe.h"
#include "compress/recipe/verdict.h"

namespace omni::compress {

struct RecipeRun {
  const train::SampleData* data = nullptr;        // what steps work on
  const train::SampleData* evaluation = nullptr;  // what accuracy is measured on; nullptr: it is not
  uint64_t seed = 1;
  std::shared_ptr<ThreadPool> pool;  // nullptr: made with one thread per physical core
  Isa isa = detect_isa();
  Progress progress;

  std::string directory;           // the work folder, made where it is missing
  bool restart = false;            // begin anew whatever is in it
  double checkpoint_seconds = 30;  // of steps that train

  bool onnx = false;                   // bytes are those of an ONNX file, else of a package
  std::vector<Tensor> latency_inputs;  // of one run; empty: latency is not measured
  double latency_seconds = 1;          // for each comparison
  // decide: model — seconds a run takes on a device, and what identifies that device.
  std::function<double(const Graph&)> predict;
  std::string predictor;
};

struct StepReport {
  std::string method;
  std::string options;              // "observer: mse, samples: 512"; "" for a step that has none
  bool applied = true;
  bool required = false;
  std::string reason;               // the verdict's
  std::optional<StepChange> change;  // none where it was not measured, or was judged together with a later step
  double seconds = 0;               // of the step itself
  std::vector<LayerReport> layers;
  std::vector<TensorReport> tensors;
  std::vector<std::string> notes;
};

struct RecipeResult {
  Graph graph;
  std::string key;          // of the run: hash of canonical text, model, data, seed, version, instruction set
  Recipe applied;           // the steps that were applied; may have none
  std::vector<StepReport> steps;
  std::optional<StepChange> whole;  // of the result against the model given; none where nothing was measured, or no step applied
  std::vector<LayerReport> layers;  // of the result against the model given, in canonical form
  std::vector<std::string> notes;   // what was not measured, and why
  bool resumed = false;
};

// Throws Error: kExists (the folder is in use, or belongs to another recipe, model, data …, or is no work folder), kInvalidArgument (data that a step
// needs is missing), kInterrupted, and what the steps throw.
RecipeResult run_recipe(const Graph& model, const Recipe& recipe, const RecipeRun& run);

// "observer: mse, samples: 512".
std::string options_text(const RecipeStep& step);

}  // namespace omni::compress
