#include "train/trainer_checkpoint.h"

#include <algorithm>
#include <filesystem>

#include "core/error.h"

namespace omni::train {

namespace {

constexpr std::string_view kBest = "best/";  // before the names of the best states

// The numbers of an epoch, in the order they are kept under "epoch/N/…".
struct EpochField {
  const char* name;
  double EpochReport::*value;
};
constexpr EpochField kEpochFields[] = {{"rate", &EpochReport::rate},
                                       {"train_loss", &EpochReport::train_loss},
                                       {"train_accuracy", &EpochReport::train_accuracy},
                                       {"validation_loss", &EpochReport::validation_loss},
                                       {"validation_accuracy", &EpochReport::validation_accuracy},
                                       {"seconds", &EpochReport::seconds}};

std::string epoch_key(size_t i, const char* field) { return "epoch/" + std::to_string(i) + "/" + field; }
std::string sum_key(size_t i, const char* field) { return "sum/" + std::to_string(i) + "/" + field; }

}  // namespace

std::string checkpoint_path(const std::string& directory) { return (std::filesystem::path(directory) / "training.checkpoint").string(); }

void save_training(const std::string& path, const TrainerMemory& memory, const runtime::StateSet& states, const std::string& identity, Isa isa) {
  runtime::Checkpoint c = runtime::make_checkpoint(states, isa);
  for (const runtime::NamedTensor& t : memory.best) c.states.push_back({std::string(kBest) + t.name, states.role(t.name), t.tensor});
  std::sort(c.states.begin(), c.states.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  c.step = memory.step;
  c.epoch = static_cast<int64_t>(memory.epochs.size());
  for (size_t i = 0; i < memory.epochs.size(); ++i) {
    for (const EpochField& f : kEpochFields) c.values[epoch_key(i, f.name)] = memory.epochs[i].*f.value;
    c.values[epoch_key(i, "best")] = int64_t{memory.epochs[i].best};
  }
  for (size_t i = 0; i < memory.sums.size(); ++i) {
    c.values[sum_key(i, "name")] = memory.sums[i].name;
    c.values[sum_key(i, "sum")] = memory.sums[i].sum;
    c.values[sum_key(i, "count")] = memory.sums[i].count;
  }
  c.values["sums"] = static_cast<int64_t>(memory.sums.size());
  c.values["correct"] = memory.correct;
  c.values["labels"] = memory.labels;
  c.values["seconds"] = memory.seconds;
  c.values["best_epoch"] = memory.best_epoch;
  c.values["finished"] = int64_t{memory.finished};
  c.values["stopped_early"] = int64_t{memory.stopped_early};
  c.values["identity"] = identity;
  runtime::save_checkpoint(path, c);
}

TrainerMemory take_memory(runtime::Checkpoint& c) {
  TrainerMemory memory;
  std::vector<runtime::CheckpointState> own;
  for (runtime::CheckpointState& s : c.states) {
    if (s.name.starts_with(kBest)) memory.best.push_back({s.name.substr(kBest.size()), s.tensor});
    else own.push_back(std::move(s));
  }
  c.states = std::move(own);
  memory.step = c.step;
  const int64_t sums = c.get_int("sums", 0), held = static_cast<int64_t>(c.values.size());
  if (c.epoch > held || sums > held) throw Error(ErrorCode::kInvalidData, "the checkpoint is corrupted: it tells of more epochs or sums than it holds");
  memory.epochs.resize(static_cast<size_t>(c.epoch));
  for (size_t i = 0; i < memory.epochs.size(); ++i) {
    memory.epochs[i].epoch = static_cast<int64_t>(i) + 1;
    for (const EpochField& f : kEpochFields) memory.epochs[i].*f.value = c.get_float(epoch_key(i, f.name), 0);
    memory.epochs[i].best = c.get_int(epoch_key(i, "best"), 0) != 0;
  }
  for (int64_t i = 0; i < sums; ++i) {
    const size_t n = static_cast<size_t>(i);
    memory.sums.push_back({c.get_string(sum_key(n, "name")), c.get_float(sum_key(n, "sum"), 0), c.get_float(sum_key(n, "count"), 0)});
  }
  memory.correct = c.get_int("correct", 0);
  memory.labels = c.get_int("labels", 0);
  memory.seconds = c.get_float("seconds", 0);
  memory.best_epoch = c.get_int("best_epoch", 0);
  memory.finished = c.get_int("finished", 0) != 0;
  memory.stopped_early = c.get_int("stopped_early", 0) != 0;
  return memory;
}

std::optional<TrainerMemory> load_training(const std::string& path, runtime::StateSet& states, const std::string& identity, Isa isa) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  runtime::Checkpoint c = runtime::load_checkpoint(path);
  if (c.get_string("identity") != identity) {
    throw Error(ErrorCode::kExists, "the checkpoint belongs to a training with another model, data or options", path,
                "give the same ones, or another directory");
  }
  runtime::require_resumable(c, isa);
  TrainerMemory memory = take_memory(c);
  runtime::restore(states, c);
  return memory;
}

}  // namespace omni::train
