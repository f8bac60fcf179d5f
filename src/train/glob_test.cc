#include "train/glob.h"

#include <gtest/gtest.h>

#include <vector>

namespace omni::train {
namespace {

TEST(Glob, Matches) {
  EXPECT_TRUE(glob_match("*", ""));
  EXPECT_TRUE(glob_match("conv?.*", "conv1.weight"));
  EXPECT_TRUE(glob_match("*.bias", "a.b.bias"));
  EXPECT_TRUE(glob_match("a*b*c", "axxbybzc"));
  EXPECT_FALSE(glob_match("conv?.*", "conv12.weight"));
  EXPECT_FALSE(glob_match("*.bias", "bias"));
  EXPECT_FALSE(glob_match("a*b*c", "axxbybz"));
  EXPECT_FALSE(glob_match("", "a"));
  const std::vector<std::string> patterns = {"fc*", "*.bias"};
  EXPECT_TRUE(matches_any(patterns, "conv.bias"));
  EXPECT_FALSE(matches_any(patterns, "conv.weight"));
}

}  // namespace
}  // namespace omni::train
