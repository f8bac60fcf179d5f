#include "core/allocation_limit.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/tensor.h"

namespace omni::core {
namespace {

TEST(AllocationLimit, TheSmallestHolds) {
  const AllocationLimit outer(1024);
  EXPECT_NO_THROW(Tensor(DType::kF32, Shape{256}));
  EXPECT_THROW(Tensor(DType::kF32, Shape{257}), Error);
  {
    const AllocationLimit inner(64), wider(4096);
    EXPECT_THROW(Tensor(DType::kF32, Shape{17}), Error);
  }
  EXPECT_NO_THROW(Tensor(DType::kF32, Shape{256}));
}

}  // namespace
}  // namespace omni::core
