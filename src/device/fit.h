// What a session gives up so that a model fits into a memory budget: levers are tried in the order of what they cost in time, each plan is measured as it
// will be run, until one fits.
//
// Inference: another order of nodes (nothing); weights packed in each run, the least of them that does (a run reads and writes them once
// more). Training: another order (always); activations computed again, the cheapest first.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "device/workload.h"

namespace omni::device {

struct Saving {
  std::string text;           // "computes 14 of 60 activations again: 23 % more operations"
  int64_t bytes = 0;           // less than without it; 0 where that cannot be told
  double more_operations = 0;  // a share of a run's
};

struct Fit {
  runtime::Levers levers;
  Workload work;  // with them
  std::vector<Saving> savings;
  int64_t missing = 0;  // bytes; 0 or less: it fits. More: the least that was missing with everything tried
};

struct FitOptions {
  bool training = false;
  // Bytes beyond the budget that a workload with this use comes to; empty: there is no budget.
  std::function<int64_t(const MemoryUse&)> missing = {};
};

// Throws what sessions throw. Where memory runs out while everything is tried: the Error (kMachine), or std::bad_alloc.
Fit fit(std::shared_ptr<const Graph> graph, std::span<const Shape> shapes, Isa isa, const FitOptions& options);

}  // namespace omni::device
