#include "device/study_rule.h"

#include <gtest/gtest.h>

#include "device/store.h"

namespace omni::device {
namespace {

const std::string kInt4 = "INT4 quantization + 70% pruning", kPruned = "INT8 quantization + 50% pruning", kInt8 = "INT8 quantization";
const std::string kCpu = "CPU-optimized inference (ONNX Runtime)", kGpu = "GPU acceleration available";

// The study's own answers, worked out from its listing: models of 0.5, 1, 1.5, 2.5 and 5 times the limit of each of its profiles.
TEST(StudyRule, TheStudysOwnTable) {
  struct Profiles {
    const char* name;
    double limit;
    std::string last;
  };
  for (const Profiles& p : {Profiles{"raspberry_pi_4", 500, kCpu}, Profiles{"jetson_nano", 2000, kGpu}, Profiles{"android_high_end", 1000, kGpu},
                            Profiles{"android_mid_range", 500, kGpu}}) {
    struct Case {
      double times;
      std::string first;
      bool feasible;
    };
    for (const Case& c : {Case{0.5, "", true}, Case{1, "", true}, Case{1.5, kInt8, true}, Case{2.5, kPruned, false}, Case{5, kInt4, false}}) {
      std::vector<std::string> expected = {p.last};
      if (!c.first.empty()) expected.insert(expected.begin(), c.first);
      const StudyAdvice advice = study_rule(find_profile(p.name).profile, p.limit * c.times);
      EXPECT_EQ(advice.recommendations, expected) << p.name << " " << c.times;
      EXPECT_EQ(advice.feasible, c.feasible) << p.name << " " << c.times;
    }
  }
}

// Its comparisons are strict: at exactly 2 and 4 times the limit the milder advice holds.
TEST(StudyRule, BoundsThemselves) {
  const Profile pi = find_profile("raspberry_pi_4").profile;
  EXPECT_EQ(study_rule(pi, 1000).recommendations.front(), kInt8);
  EXPECT_TRUE(study_rule(pi, 1000).feasible);
  EXPECT_EQ(study_rule(pi, 2000).recommendations.front(), kPruned);
  EXPECT_EQ(study_rule(pi, 2000.001).recommendations.front(), kInt4);
}

}  // namespace
}  // namespace omni::device
