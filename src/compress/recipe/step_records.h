// A step's report and its figures as records of the journal, and back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compress/measure/paired_latency.h"
#include "compress/recipe/journal.h"
#include "compress/recipe/run_recipe.h"

namespace omni::compress {

// Layers, tensors and notes of a step, under PREFIX/layer/0 and so on; `seconds` that it took, the hash of the file that holds its result.
struct StepDone {
  std::vector<LayerReport> layers;
  std::vector<TensorReport> tensors;
  std::vector<std::string> notes;
  double seconds = 0;
  std::string sha256;
};
// The record PREFIX comes last: where it is whole, the others are.
std::vector<JournalRecord> records_of(const std::string& prefix, const StepDone& done);
// Nothing where PREFIX is not there.
std::optional<StepDone> find_done(const Journal& journal, const std::string& prefix);

JournalRecord record_of(const std::string& key, const StepChange::Latency& latency);
StepChange::Latency latency_of(const JournalRecord& record);

}  // namespace omni::compress
