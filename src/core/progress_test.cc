#include "core/progress.h"

#include <gtest/gtest.h>

namespace omni::core {
namespace {

TEST(Progress, PartsAreScaledAndStop) {
  double last = -1;
  const Progress whole = [&](double fraction, std::string_view text) {
    last = fraction;
    return text != "stop";
  };
  const Progress part = part_of(whole, 0.5, 0.75);
  report(part, 0.5, "half");
  EXPECT_EQ(last, 0.625);
  try {
    report(part, 1, "stop", "run again with --resume");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kInterrupted);
    EXPECT_STREQ(e.what(), "stop: stopped; run again with --resume");
  }
  report({}, 0.1, "nobody listens");
  EXPECT_FALSE(part_of({}, 0, 1));
}

}  // namespace
}  // namespace omni::core
