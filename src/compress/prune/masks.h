// Masks of pruned weights in a graph that is trained: what reads w reads Where(w.mask, w, 0) instead, so that w gets no gradient where it is pruned.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace omni::compress {

using namespace graph;

enum class FirstMask : uint8_t { kAll, kNonzero };  // what is kept: everything, or what is not zero

// `names`: states; each gets a state NAME.mask of role mask. Before differentiate.
void add_masks(Graph& graph, const std::vector<std::string>& names, FirstMask first = FirstMask::kAll);
// Of a trained graph whose states are constants again: zeros take the place of what is masked, and the masks go.
void apply_masks(Graph& graph, const std::vector<std::string>& names);

// Weights at least a tenth of which is exactly zero: pruned ones, whose zeros a training would lose.
std::vector<std::string> pruned_weights(const Graph& graph);

std::string mask_name(const std::string& weight);

}  // namespace omni::compress
