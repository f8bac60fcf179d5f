#include "compress/codebook/cluster.h"

#include <algorithm>

#include "core/rng.h"

namespace omni::compress {

namespace {

// Sorted values and the sums of all before each.
struct Sorted {
  std::vector<float> values;
  std::vector<double> sums;
};

Sorted sort(std::span<const float> values) {
  Sorted sorted{{values.begin(), values.end()}, {0}};
  std::sort(sorted.values.begin(), sorted.values.end());
  for (const float v : sorted.values) sorted.sums.push_back(sorted.sums.back() + static_cast<double>(v));
  return sorted;
}

std::vector<float> start(const std::vector<float>& values, int64_t count, ClusterInit init, uint64_t seed) {
  std::vector<float> centroids;
  const auto n = static_cast<int64_t>(values.size());
  const core::RandomStream random(seed, "codebook");
  for (int64_t k = 0; k < count; ++k) {
    const double share = (static_cast<double>(k) + 0.5) / static_cast<double>(count);
    switch (init) {
      case ClusterInit::kLinear:
        centroids.push_back(static_cast<float>(values.front() + share * (static_cast<double>(values.back()) - static_cast<double>(values.front()))));
        break;
      case ClusterInit::kDensity: centroids.push_back(values[static_cast<size_t>(share * static_cast<double>(n))]); break;
      case ClusterInit::kForgy: centroids.push_back(values[static_cast<size_t>(random.bits(static_cast<uint64_t>(k)) % static_cast<uint64_t>(n))]); break;
    }
  }
  std::sort(centroids.begin(), centroids.end());
  centroids.erase(std::unique(centroids.begin(), centroids.end()), centroids.end());
  return centroids;
}

// One step of Lloyd's: every centroid to the mean of the values nearest to it; one without values stays. Whether any moved.
bool move(const Sorted& sorted, std::vector<float>& centroids) {
  bool moved = false;
  size_t begin = 0;
  std::vector<float> next = centroids;
  for (size_t k = 0; k < centroids.size(); ++k) {
    size_t end = sorted.values.size();
    if (k + 1 < centroids.size()) {
      const double middle = (static_cast<double>(centroids[k]) + static_cast<double>(centroids[k + 1])) / 2;
      end = static_cast<size_t>(std::upper_bound(sorted.values.begin(), sorted.values.end(), middle, [](double m, float v) { return m < static_cast<double>(v); }) -
                                sorted.values.begin());
    }
    if (end > begin) next[k] = static_cast<float>((sorted.sums[end] - sorted.sums[begin]) / static_cast<double>(end - begin));
    moved |= next[k] != centroids[k];
    begin = end;
  }
  centroids = std::move(next);
  return moved;
}

}  // namespace

std::vector<float> cluster(std::span<const float> values, int64_t count, ClusterInit init, uint64_t seed) {
  if (values.empty() || count < 1) return {};
  const Sorted sorted = sort(values);
  std::vector<float> distinct = sorted.values;
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  if (static_cast<int64_t>(distinct.size()) <= count) return distinct;
  std::vector<float> centroids = start(sorted.values, count, init, seed);
  for (int i = 0; i < 300 && move(sorted, centroids); ++i) {
  }
  std::sort(centroids.begin(), centroids.end());
  centroids.erase(std::unique(centroids.begin(), centroids.end()), centroids.end());
  return centroids;
}

uint32_t nearest(std::span<const float> centroids, float value) {
  const auto above = std::lower_bound(centroids.begin(), centroids.end(), value);
  if (above == centroids.begin()) return 0;
  const auto below = static_cast<uint32_t>(above - centroids.begin() - 1);
  if (above == centroids.end()) return below;
  const double down = static_cast<double>(value) - static_cast<double>(*(above - 1)), up = static_cast<double>(*above) - static_cast<double>(value);
  return up < down ? below + 1 : below;
}

}  // namespace omni::compress
