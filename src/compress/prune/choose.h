// Which weights are pruned: the smallest of each layer, of all layers, or of all layers by LAMP scores.
//
// LAMP (Lee et al. 2021, arXiv 2010.07611): a weight's square over the sum of the squares of all in its layer that are not smaller, which spreads the
// sparsity over the layers without a layer-wise setting. Ties go by position, so that the choice is a function of the weights alone.
#pragma once

#include <span>
#include <vector>

#include "compress/prune/pattern.h"

namespace omni::compress {

enum class PruneScope : uint8_t { kLayer, kGlobal, kLamp };

struct PruneLayer {
  std::string name;
  WeightLayout layout;
  double most = 1;  // of its weights that may go
};

// Masks of the layers (true: kept), of the weights' sizes. `sparsity`: the share of all elements (of each layer's with kLayer) that is to be zero, as
// nearly as whole units allow. A weight that `before` has as pruned stays so. Every layer keeps at least one unit. With an n:m pattern `sparsity` is not
// asked.
std::vector<std::vector<bool>> choose_weights(std::span<const PruneLayer> layers, std::span<const std::span<const float>> weights,
                                              const std::vector<std::vector<bool>>& before, const Pattern& pattern, PruneScope scope, double sparsity);

}  // namespace omni::compress
