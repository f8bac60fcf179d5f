// Did a step help? From its figures, and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compress/measure/outcomes.h"

namespace omni::compress {

// After a step against before it.
struct StepChange {
  int64_t bytes_before = 0, bytes_after = 0;  // of the model's file
  struct Latency {
    double before = 0, after = 0;         // seconds
    double ratio = 1, low = 1, high = 1;  // after / before; the interval has no width where it is predicted
  };
  std::optional<Latency> latency;
  std::optional<OutcomeChange> outcomes;
  bool labels = true;                            // of the outcomes: accuracy, else squared errors
  std::optional<double> accuracy_loss_in_all;    // against the model given; only with labels
};

struct Verdict {
  bool applied = true;
  std::vector<std::string> gains, losses;  // of "bytes", "latency", "accuracy": those that are certain
  std::string reason;                      // one sentence without full stop
};

struct VerdictRules {
  bool required = false;
  std::optional<double> max_accuracy_loss;  // a share
};

// Bytes are better from half a percent on (names and padding move by less), latency where it falls by 2 % or more and the whole interval is below 1,
// accuracy where the whole interval of the gain is above 0. A step that is better in none of them is not applied, nor one beyond the bound of accuracy.
Verdict judge(const StepChange& change, const VerdictRules& rules);

// "74.6 % fewer bytes, 1.31 times as fast (1.28 to 1.34), accuracy -0.20 points (-0.85 to 0.45)".
std::string change_text(const StepChange& change);

}  // namespace omni::compress
