// k-means in one dimension: the values that stand for a layer's weights (Han et al. 2016, arXiv 1510.00149, section 3).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace omni::compress {

// Where the centroids begin: at equal steps between the least and the largest weight, at equal shares of the weights, or at weights that the seed picks.
enum class ClusterInit : uint8_t { kLinear, kDensity, kForgy };

// At most `count` centroids in rising order; fewer where there are fewer distinct values. Lloyd's iterations until nothing moves, 300 at most.
std::vector<float> cluster(std::span<const float> values, int64_t count, ClusterInit init, uint64_t seed);

// The number of the nearest centroid, the lower of two that are equally near.
uint32_t nearest(std::span<const float> centroids, float value);

}  // namespace omni::compress
