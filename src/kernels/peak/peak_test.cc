#include "kernels/peak/peak.h"

#include <gtest/gtest.h>

namespace omni::kernels {
namespace {

TEST(Peak, EveryInstructionSetHasARateAndCountsItsOperations) {
  for (const core::Isa isa : core::available_isas()) {
    for (const PeakFn peak : {peak_f32(isa), peak_int8(isa)}) {
      if (peak == nullptr) continue;
      EXPECT_EQ(peak(10), 10 * peak(1));
      EXPECT_GT(peak_rate(peak, 1, 20'000), 0.1) << core::isa_name(isa);
    }
  }
  EXPECT_EQ(peak_rate(nullptr), 0);
}

}  // namespace
}  // namespace omni::kernels
