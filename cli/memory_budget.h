// --memory-budget: what does not fit is refused before it begins.
#pragma once

#include "command.h"
#include "omni/omni.h"

namespace omni::cli {

inline constexpr OptionSpec kMemoryBudgetOption = {
    "--memory-budget", "SIZE",
    "refuse what needs more memory than this, and say how much is missing; omni's code, which can be read again, is not counted", Kind::kSize};

// The model, read within --memory-budget where that is given. Throws Error (kMachine) where it does not even load in it.
Graph load_within_budget(const Arguments& arguments, const std::string& path);

// `shapes`, and those of the inputs that are given.
InputShapes shapes_with(InputShapes shapes, const std::map<std::string, Tensor, std::less<>>& inputs);

// Throws Error (kMachine) where --memory-budget is given and the model needs more.
void check_memory_budget(const Arguments& arguments, const Graph& graph, PredictOptions options);

}  // namespace omni::cli
