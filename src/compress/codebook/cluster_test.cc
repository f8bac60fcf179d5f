#include "compress/codebook/cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/rng.h"

namespace omni::compress {
namespace {

double error(const std::vector<float>& values, const std::vector<float>& centroids) {
  double sum = 0;
  for (const float v : values) sum += std::pow(static_cast<double>(v) - static_cast<double>(centroids[nearest(centroids, v)]), 2);
  return sum;
}

std::vector<float> noise(int64_t count) {
  const core::RandomStream random(3, "noise");
  std::vector<float> values;
  for (int64_t i = 0; i < count; ++i) values.push_back(random.uniform(static_cast<uint64_t>(i)) + random.uniform(static_cast<uint64_t>(i + count)) - 1);
  return values;
}

TEST(Cluster, FindsSeparateGroups) {
  std::vector<float> values;
  for (const float centre : {-3.0F, -1.0F, 2.0F, 7.0F}) {
    for (int i = -2; i <= 2; ++i) values.push_back(centre + 0.01F * static_cast<float>(i));
  }
  const std::vector<float> centroids = cluster(values, 4, ClusterInit::kDensity, 1);
  ASSERT_EQ(centroids.size(), 4U);
  EXPECT_NEAR(centroids[0], -3, 1e-6);
  EXPECT_NEAR(centroids[1], -1, 1e-6);
  EXPECT_NEAR(centroids[2], 2, 1e-6);
  EXPECT_NEAR(centroids[3], 7, 1e-6);
}

// Lloyd's fixed point: every centroid is the mean of the values nearest to it.
TEST(Cluster, EndsWhereNothingMoves) {
  const std::vector<float> values = noise(5000);
  for (const ClusterInit init : {ClusterInit::kLinear, ClusterInit::kDensity, ClusterInit::kForgy}) {
    const std::vector<float> centroids = cluster(values, 15, init, 1);
    ASSERT_LE(centroids.size(), 15U);
    std::vector<double> sums(centroids.size()), counts(centroids.size());
    for (const float v : values) {
      sums[nearest(centroids, v)] += static_cast<double>(v);
      ++counts[nearest(centroids, v)];
    }
    for (size_t k = 0; k < centroids.size(); ++k) {
      if (counts[k] == 0) continue;
      EXPECT_NEAR(centroids[k], sums[k] / counts[k], 2e-3);  // 300 iterations leave that much
    }
    EXPECT_LT(error(values, centroids), 5000 * (2.0 / 15) * (2.0 / 15) / 12);  // better than equal steps over [-1, 1]
  }
}

TEST(Cluster, KeepsFewValuesExactly) {
  EXPECT_EQ(cluster(std::vector<float>{2, 1, 2, 1, 5}, 7, ClusterInit::kLinear, 1), (std::vector<float>{1, 2, 5}));
  EXPECT_TRUE(cluster({}, 7, ClusterInit::kLinear, 1).empty());
}

TEST(Cluster, NearestIsTheLowerOfTwo) {
  const std::vector<float> centroids = {-1, 1, 4};
  EXPECT_EQ(nearest(centroids, -5), 0U);
  EXPECT_EQ(nearest(centroids, 0), 0U);
  EXPECT_EQ(nearest(centroids, 0.1F), 1U);
  EXPECT_EQ(nearest(centroids, 2.5F), 1U);
  EXPECT_EQ(nearest(centroids, 100), 2U);
}

}  // namespace
}  // namespace omni::compress
