// How good a model's answers are, sample by sample, and whether another's are better on the same samples.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/progress.h"
#include "runtime/session.h"
#include "train/sample_data.h"

namespace omni::compress {

using namespace core;

struct Outcomes {
  bool labels = true;         // else the targets are values
  std::vector<float> scores;  // of each sample: the share of its labels that were right, or its mean squared error

  double mean() const;
  // As text without loss, and back; throws Error (kInvalidData).
  std::string text() const;
  static Outcomes parse(std::string_view text);
  bool operator==(const Outcomes&) const = default;
};

// Throws what train::evaluate throws.
Outcomes measure_outcomes(const graph::Graph& model, const train::SampleData& data, const runtime::SessionOptions& session, const Progress& progress = {});

// Of two models on the same samples.
struct OutcomeChange {
  double before = 0, after = 0;           // means
  double gain = 0, low = 0, high = 0;     // how much better, with its 95 % interval: after - before of accuracies, before - after of errors
  int64_t samples = 0, better = 0, worse = 0;  // of them with another score
};
// The interval is Agresti and Min's for right and wrong (core/statistics.h), else normal for the mean of the differences. Both must be of the same
// samples; throws Error (kInvalidArgument) otherwise.
OutcomeChange compare_outcomes(const Outcomes& before, const Outcomes& after);

}  // namespace omni::compress
