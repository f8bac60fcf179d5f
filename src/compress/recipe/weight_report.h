// What became of every weight of a graph.
#pragma once

#include <string>
#include <vector>

#include "compress/recipe/step.h"

namespace omni::compress {

// Weights as they were, compared by name with how they are stored now. `notes` give reasons: "NAME: why", NAME of a weight, of the node that reads it, or
// of that node's output.
std::vector<LayerReport> report_weights(const Graph& before, const Graph& after, const std::vector<std::string>& notes);

}  // namespace omni::compress
