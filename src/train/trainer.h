// Training from a model to a trained model: epochs, validation, early stop, checkpoints.
//
// The result is a function of model, data, options and instruction set alone: not of the number of threads, not of how often the training was
// stopped or killed and gone on with from its checkpoint. The order of an epoch is a function of (seed, epoch).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/isa.h"
#include "core/progress.h"
#include "core/thread_pool.h"
#include "graph/graph.h"
#include "runtime/savings.h"
#include "train/losses.h"
#include "train/mark_parameters.h"
#include "train/optimizer.h"
#include "train/sample_data.h"
#include "train/schedule.h"
#include "train/training_edit.h"

namespace omni::train {

struct EpochReport {
  int64_t epoch = 0;  // from 1
  double rate = 0;    // of its last step
  double train_loss = 0, train_accuracy = 0;            // means over the epoch's steps, before each step's update
  double validation_loss = 0, validation_accuracy = 0;  // after it; 0 without validation
  double seconds = 0;
  bool best = false;  // the lowest validation loss so far
};

// What to do with a checkpoint that is there already.
enum class OnCheckpoint : uint8_t { kResume, kRestart, kRefuse };

// Samples a run of validation: no gradients to keep, larger batches only save overhead.
inline constexpr int64_t kValidationBatch = 256;

struct TrainOptions {
  LossOptions loss;  // kAuto: cross-entropy for labels, mean squared error for values
  OptimizerOptions optimizer;
  double rate = 0;  // 0: the optimizer's usual one
  ScheduleOptions schedule;
  TrainingEdit edit;
  MarkOptions parameters;
  int64_t epochs = 5, batch = 64;
  uint64_t seed = 1;
  double validation = 0;  // fraction of the data, chosen by the seed, that is held out
  const SampleData* validation_data = nullptr;  // instead of a fraction; matched with the same model
  int64_t patience = 0;   // epochs without a lower validation loss before the training stops and the best weights come back; 0: never

  int threads = 0;
  std::shared_ptr<ThreadPool> pool;
  Isa isa = detect_isa();
  runtime::Levers levers;  // what the step gives up to take less memory; its order of nodes is one that keeps little alive in any case

  std::string directory;           // where checkpoints are kept; "": none
  OnCheckpoint on_checkpoint = OnCheckpoint::kResume;
  double checkpoint_seconds = 30;  // at most that much work is lost; 0: after every step

  Progress progress;
  std::function<void(const EpochReport&)> epoch_done;
};

struct TrainResult {
  Graph model;  // the inference graph with the trained weights
  std::vector<EpochReport> epochs;
  int64_t best_epoch = 0;  // from 1; 0 without validation
  bool stopped_early = false;
  bool resumed = false;
  int64_t steps = 0;
  double seconds = 0;  // of this call
  std::vector<std::string> parameters, notes;
};

// Throws Error: kInvalidArgument (options, data that does not fit the model, a loss that is no longer finite), kUnsupported (an operator without
// gradient; a checkpoint of another instruction set), kExists (a directory with another training, or with any and kRefuse), kInterrupted.
TrainResult train(const Graph& model, const SampleData& data, const TrainOptions& options = {});

}  // namespace omni::train
