// --memory-budget: what a model gives up so that it fits, and what does not fit anyway is refused before it begins.
#pragma once

#include "command.h"
#include "omni/omni.h"
#include "output.h"

namespace omni::cli {

inline constexpr OptionSpec kMemoryBudgetOption = {
    "--memory-budget", "SIZE",
    "run in this much memory, at the price of time where it must be, or refuse and say how much is missing; omni's code, which can be read again, is not counted", Kind::kSize};

// The model, read within --memory-budget where that is given. Throws Error (kMachine) where it does not even load in it.
Graph load_within_budget(const Arguments& arguments, const std::string& path);

// `shapes`, and those of the inputs that are given.
InputShapes shapes_with(InputShapes shapes, const std::map<std::string, Tensor, std::less<>>& inputs);

// What has to be given up so that the model fits into --memory-budget, told in lines and as "memory_budget" of the result; nothing where that is not given.
// Throws Error (kMachine) where it does not fit with everything tried.
MemoryMeasures measures_within_budget(const Arguments& arguments, const Graph& graph, PredictOptions options, Output& output);

// "bytes", "growth_bytes", "needed_bytes", "missing_bytes", "savings" (text, saved_bytes, more_operations) of a prediction within `budget`.
Json budget_json(const MemoryPrediction& need, int64_t budget);
// A line a saving.
void print_savings(const MemoryPrediction& need, int64_t budget, Output& output);

}  // namespace omni::cli
