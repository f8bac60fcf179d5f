#include "passes/hoist_invariants.h"

#include <gtest/gtest.h>

#include "passes/rewrite_test.h"

namespace omni::passes {
namespace {

constexpr const char* kWeightsCarried = R"(graph g(%n:i64[], %x:f32[1,2], %w:f32[2,2]) -> (%y, %all) {
  %y:f32[1,2], %v, %z, %all = Loop(%n, _, %x, %w, %x) body 0 graph body(%i:i64[], %c:bool[], %a:f32[1,2], %u:f32[2,2], %b:f32[1,2]) -> (%c, %p, %q, %b, %p) {
    %p = MatMul(%a, %u)
    %q = Identity(%u)
  }
})";

TEST(HoistInvariants, WhatALoopCarriesUnchangedIsCaptured) {
  EXPECT_EQ(after(kWeightsCarried, hoist_invariants), R"(graph g(%n:i64[], %x:f32[1,2], %w:f32[2,2]) -> (%y, %all) {
  %y:f32[1,2], %all:f32[_2,1,2] = Loop(%n, _, %x, %w, %x) body 2 graph body(%i:i64[], %c:bool[], %a:f32[1,2], %w:f32[2,2], %x:f32[1,2]) -> (%c, %p, %p) {
    %p:f32[1,2] = MatMul(%a, %w)
  }
}
)");
}

TEST(HoistInvariants, ALoopThatChangesNothingGoes) {
  EXPECT_EQ(after(R"(graph g(%n:i64[], %x:f32[2]) -> (%y) {
  %v = Loop(%n, _, %x) body 0 graph body(%i:i64[], %c:bool[], %a:f32[2]) -> (%c, %a) {
  }
  %y = Neg(%v)
})",
                  hoist_invariants),
            R"(graph g(%n:i64[], %x:f32[2]) -> (%y) {
  %y:f32[2] = Neg(%x)
}
)");
}

TEST(HoistInvariants, WhatIsAnOutputOfTheGraphStaysCarried) {
  const std::string text = after(R"(graph g(%n:i64[], %x:f32[2]) -> (%y) {
  %y:f32[2] = Loop(%n, _, %x) body 0 graph body(%i:i64[], %c:bool[], %a:f32[2]) -> (%c, %a) {
  }
})",
                                 hoist_invariants);
  EXPECT_NE(text.find("Loop(%n, _, %x) body 0"), std::string::npos) << text;
}

}  // namespace
}  // namespace omni::passes
