#include "kernels/cast/cast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/half.h"
#include "core/tensor.h"
#include "kernels/cast/half.h"

namespace omni::kernels {
namespace {

using core::DType;
using core::Isa;
using core::Shape;
using core::Tensor;

Tensor cast(const Tensor& x, DType to, Isa isa = Isa::kScalar, int threads = 1) {
  core::ThreadPool pool(threads);
  Tensor y(to, x.shape());
  run_cast({x.dtype(), to, isa}, x.data(), y.mutable_data(), x.count(), pool);
  return y;
}

TEST(Cast, EveryPairKeepsSmallValues) {
  std::vector<double> values(1301);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 8);
  for (int from = 0; from < core::kDTypeCount - 1; ++from) {
    for (int to = 0; to < core::kDTypeCount - 1; ++to) {
      const Tensor x = core::from_double(static_cast<DType>(from), Shape{1301}, values);
      for (const Isa isa : core::available_isas()) {
        const std::vector<double> y = core::to_double(cast(x, static_cast<DType>(to), isa, 2));
        const bool to_bool = static_cast<DType>(to) == DType::kBool || static_cast<DType>(from) == DType::kBool;
        for (size_t i = 0; i < values.size(); ++i) ASSERT_EQ(y[i], to_bool ? values[i] != 0 : values[i]) << from << " to " << to << " at " << i;
      }
    }
  }
}

TEST(Cast, FloatToIntegerTruncatesAndSaturates) {
  const Tensor x = Tensor::of<float>(Shape{7}, {1.9f, -1.9f, 3e9f, -3e9f, NAN, 300.0f, -5.0f});
  EXPECT_EQ(core::to_double(cast(x, DType::kI32)), (std::vector<double>{1, -1, 2147483647.0, -2147483648.0, 0, 300, -5}));
  EXPECT_EQ(core::to_double(cast(x, DType::kU8)), (std::vector<double>{1, 0, 255, 0, 0, 255, 0}));
  // ONNX: out of the range of four bits the low ones of the integer stay.
  EXPECT_EQ(core::to_double(cast(x, DType::kI4)), (std::vector<double>{1, -1, 0, 0, 0, -4, -5}));
  EXPECT_EQ(core::to_double(cast(x, DType::kBool)), (std::vector<double>{1, 1, 1, 1, 1, 1, 1}));
}

TEST(Cast, IntegersWrapAndUnsignedStaysUnsigned) {
  EXPECT_EQ(core::to_double(cast(Tensor::of<int32_t>(Shape{2}, {300, -1}), DType::kU8)), (std::vector<double>{44, 255}));
  const Tensor big = Tensor::of<uint64_t>(Shape{1}, {uint64_t{1} << 63});
  EXPECT_EQ(core::to_double(cast(big, DType::kF64))[0], 9223372036854775808.0);
  EXPECT_EQ(core::to_double(cast(big, DType::kF32))[0], 9223372036854775808.0);
}

TEST(Cast, DoubleToHalfRoundsOnce) {
  // Just above the middle of two halves: rounding to float first would land on the middle and then go to the even one.
  const double middle = 1.0 + 1.0 / 2048;
  const Tensor y = cast(Tensor::of<double>(Shape{3}, {middle + 1e-12, middle, middle - 1e-12}), DType::kF16);
  EXPECT_EQ(y.values<uint16_t>()[0], 0x3c01);
  EXPECT_EQ(y.values<uint16_t>()[1], 0x3c00);
  EXPECT_EQ(y.values<uint16_t>()[2], 0x3c00);
}

TEST(Half, VectorConversionsEqualTheScalarOnes) {
  std::vector<uint16_t> all(65536 + 3);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  const int64_t n = static_cast<int64_t>(all.size());
  for (const DType half : {DType::kF16, DType::kBF16}) {
    std::vector<float> expected(all.size());
    select_widen(half, Isa::kScalar)(all.data(), expected.data(), n);
    std::vector<float> halves;  // values between neighbours, for rounding
    for (size_t i = 0; i + 1 < all.size(); ++i) {
      halves.push_back(expected[i]);
      if (std::isfinite(expected[i]) && std::isfinite(expected[i + 1])) halves.push_back(expected[i] + (expected[i + 1] - expected[i]) * 0.5f);
    }
    std::vector<uint16_t> rounded(halves.size()), got(halves.size());
    select_narrow(half, Isa::kScalar)(halves.data(), rounded.data(), static_cast<int64_t>(halves.size()));
    for (const Isa isa : core::available_isas()) {
      std::vector<float> wide(all.size());
      select_widen(half, isa)(all.data(), wide.data(), n);
      for (size_t i = 0; i < all.size(); ++i) {
        if (std::isnan(expected[i]))
          ASSERT_TRUE(std::isnan(wide[i]));
        else
          ASSERT_EQ(wide[i], expected[i]);
      }
      select_narrow(half, isa)(halves.data(), got.data(), static_cast<int64_t>(halves.size()));
      for (size_t i = 0; i < got.size(); ++i) {
        if (std::isnan(halves[i])) continue;
        ASSERT_EQ(got[i], rounded[i]) << halves[i];
      }
    }
  }
}

}  // namespace
}  // namespace omni::kernels
