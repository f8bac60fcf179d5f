#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"

namespace omni::train {
namespace {

TEST(Schedule, Constant) {
  for (const int64_t s : {0, 5, 99}) EXPECT_EQ(rate_at({}, 0.1, s, 100), 0.1);
}

TEST(Schedule, WarmUpIsLinearAndEndsAtTheBase) {
  ScheduleOptions o{.warmup = 0.1};
  for (int64_t s = 0; s < 10; ++s) EXPECT_DOUBLE_EQ(rate_at(o, 0.5, s, 100), 0.5 * static_cast<double>(s + 1) / 10);
  EXPECT_EQ(rate_at(o, 0.5, 10, 100), 0.5);
}

TEST(Schedule, StepDropsAtTheMilestones) {
  ScheduleOptions o{.kind = ScheduleKind::kStep};
  EXPECT_DOUBLE_EQ(rate_at(o, 1, 49, 100), 1);
  EXPECT_DOUBLE_EQ(rate_at(o, 1, 50, 100), 0.1);
  EXPECT_DOUBLE_EQ(rate_at(o, 1, 74, 100), 0.1);
  EXPECT_DOUBLE_EQ(rate_at(o, 1, 75, 100), 0.01);
}

TEST(Schedule, CosineAgainstItsFormula) {
  ScheduleOptions o{.kind = ScheduleKind::kCosine, .warmup = 0.2, .final_fraction = 0.1};
  for (int64_t s = 20; s < 100; ++s) {
    EXPECT_NEAR(rate_at(o, 2, s, 100), 0.2 + 1.8 * 0.5 * (1 + std::cos(M_PI * static_cast<double>(s - 20) / 80)), 1e-12);
  }
  EXPECT_EQ(rate_at(o, 2, 20, 100), 2);
}

TEST(Schedule, OneCycleStartsPeaksAndEnds) {
  ScheduleOptions o{.kind = ScheduleKind::kOneCycle, .final_fraction = 1e-3};
  EXPECT_NEAR(rate_at(o, 1, 0, 101), 1.0 / 25, 1e-12);
  EXPECT_NEAR(rate_at(o, 1, 15, 101), (1 + 1.0 / 25) / 2, 1e-12);  // half-way up
  EXPECT_NEAR(rate_at(o, 1, 30, 101), 1, 1e-12);
  EXPECT_NEAR(rate_at(o, 1, 65, 101), (1 + 1e-3) / 2, 1e-12);  // half-way down
  EXPECT_NEAR(rate_at(o, 1, 100, 101), 1e-3, 1e-12);
  EXPECT_GT(rate_at(o, 1, 0, 1), 0);
}

TEST(Schedule, NamesAndRanges) {
  EXPECT_EQ(parse_schedule("cosine"), ScheduleKind::kCosine);
  EXPECT_EQ(schedule_name(parse_schedule("one-cycle")), "one-cycle");
  EXPECT_THROW(parse_schedule("cosin"), Error);
  EXPECT_THROW(check({.warmup = 1}), Error);
  EXPECT_THROW(check({.gamma = 0}), Error);
  EXPECT_NO_THROW(check({}));
}

}  // namespace
}  // namespace omni::train
