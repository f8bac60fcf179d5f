// Masks of pruned weights in a graph that is trained: what reads w reads Where(w.mask, w, 0) instead, so that w gets no gradient where it is pruned.
#pragma once

#include <string>
#include <vector>

#include "graph/graph.h"

namespace omni::compress {

using namespace graph;

// `names`: states; each gets a state NAME.mask of role mask, of whose elements all are true. Before differentiate.
void add_masks(Graph& graph, const std::vector<std::string>& names);
// Of a trained graph whose states are constants again: zeros take the place of what is masked, and the masks go.
void apply_masks(Graph& graph, const std::vector<std::string>& names);

std::string mask_name(const std::string& weight);

}  // namespace omni::compress
