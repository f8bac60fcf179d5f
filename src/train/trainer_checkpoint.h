// What a training must remember besides its states, and its way into a checkpoint and back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/loop/checkpoint.h"
#include "runtime/loop/step_loop.h"
#include "train/trainer.h"

namespace omni::train {

struct TrainerMemory {
  int64_t step = 0;                        // done
  std::vector<EpochReport> epochs;         // done
  std::vector<runtime::MetricSum> sums;    // of the epoch that is running
  int64_t correct = 0, labels = 0;
  double seconds = 0;                      // of the epoch that is running
  int64_t best_epoch = 0;
  std::vector<runtime::NamedTensor> best;  // states of that epoch, where they will be asked for
  bool finished = false, stopped_early = false;
};

// What save_training kept, the best states taken out of `checkpoint`. Throws Error (kInvalidData) where it tells of more epochs than it holds.
TrainerMemory take_memory(runtime::Checkpoint& checkpoint);
// The file of a training in `directory`.
std::string checkpoint_path(const std::string& directory);
// `identity` says what training this is (a hash of graph, options, data).
void save_training(const std::string& path, const TrainerMemory& memory, const runtime::StateSet& states, const std::string& identity, Isa isa);
// Nothing when there is no such file. Throws Error: kExists when it belongs to another training, kInvalidArgument for another instruction set.
std::optional<TrainerMemory> load_training(const std::string& path, runtime::StateSet& states, const std::string& identity, Isa isa);

}  // namespace omni::train
