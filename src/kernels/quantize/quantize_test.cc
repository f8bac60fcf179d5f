#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace omni::kernels {
namespace {

std::vector<float> values(int64_t n) {
  std::mt19937 random(7);
  std::vector<float> x(static_cast<size_t>(n));
  for (auto& v : x) v = static_cast<float>(static_cast<int32_t>(random()) % 2000) * (random() % 3 == 0 ? 0.0625f : 0.013f);  // ties too
  if (n > 8) {
    x[1] = std::numeric_limits<float>::infinity();
    x[2] = -x[1];
    x[3] = 3e30f;
    x[5] = -0.0f;
  }
  return x;
}

TEST(Requantize, RoundsTiesToEvenAndClampsBeforeTheConversion) {
  const ByteRange u8 = ByteRange::of(false, 10);
  EXPECT_EQ(requantize(5, 0.5f, u8), 12);
  EXPECT_EQ(requantize(7, 0.5f, u8), 14);
  EXPECT_EQ(requantize(-5, 0.5f, u8), 8);
  EXPECT_EQ(requantize(std::numeric_limits<int32_t>::max(), 4.0f, u8), 255);
  EXPECT_EQ(requantize(std::numeric_limits<int32_t>::min(), 4.0f, u8), 0);
  EXPECT_EQ(requantize(1000, 1.0f, ByteRange::of(true, -3)), 127);
  EXPECT_EQ(requantize(-1000, 1.0f, ByteRange::of(true, -3)), -128);
  ByteRange relu = u8;
  relu.low = 10;
  EXPECT_EQ(requantize(-3, 1.0f, relu), 10);
}

TEST(Requantize, SignedRangeSeenAsUnsignedIsTheSameWithTheTopBitFlipped) {
  const ByteRange s8 = ByteRange::of(true, -7);
  for (int32_t acc = -300; acc <= 300; ++acc) {
    EXPECT_EQ(static_cast<uint8_t>(requantize(acc, 0.7f, s8)), static_cast<uint8_t>(requantize(acc, 0.7f, s8.as_unsigned())) ^ s8.flip());
  }
}

TEST(Quantize, EveryIsaGivesTheBytesOfTheReference) {
  const QuantizeKernels& truth = select_quantize(core::Isa::kScalar);
  for (core::Isa isa : core::available_isas()) {
    const QuantizeKernels& k = select_quantize(isa);
    for (int64_t n : {0, 1, 7, 15, 16, 17, 31, 32, 33, 100, 1000}) {
      const std::vector<float> x = values(n + 1);
      for (bool is_signed : {false, true}) {
        const ByteRange range = ByteRange::of(is_signed, is_signed ? -9 : 114);
        std::vector<uint8_t> want(static_cast<size_t>(n) + 1, 99), got = want;
        truth.quantize(x.data() + 1, n, 0.125f, range, want.data());
        k.quantize(x.data() + 1, n, 0.125f, range, got.data());
        EXPECT_EQ(want, got) << core::isa_name(isa) << " " << n;
        std::vector<float> a(static_cast<size_t>(n) + 1, 5.0f), b = a;
        truth.dequantize(want.data(), n, is_signed, 3, 0.37f, a.data());
        k.dequantize(want.data(), n, is_signed, 3, 0.37f, b.data());
        EXPECT_EQ(a, b);
      }
      std::vector<int32_t> acc(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i) acc[static_cast<size_t>(i)] = static_cast<int32_t>(static_cast<uint32_t>(i) * 2654435761u) >> (i % 24);
      std::vector<uint8_t> want(static_cast<size_t>(n) + 1, 99), got = want;
      truth.requantize(acc.data(), n, 1.5f, ByteRange::of(true, -3), want.data());
      k.requantize(acc.data(), n, 1.5f, ByteRange::of(true, -3), got.data());
      EXPECT_EQ(want, got);
      float l = 0, h = 0, l2 = 0, h2 = 0;
      truth.range(x.data(), n, &l, &h);
      k.range(x.data(), n, &l2, &h2);
      EXPECT_EQ(l, l2);
      EXPECT_EQ(h, h2);
    }
  }
}

TEST(Quantize, PlanesBecomePixels) {
  for (core::Isa isa : core::available_isas()) {
    for (int64_t channels = 1; channels <= 4; ++channels) {
      for (int64_t n : {1, 5, 9, 16, 50, 224}) {
        const std::vector<float> x = values(channels * (n + 3));
        std::vector<uint8_t> want(static_cast<size_t>(n * channels) + 1, 99), got = want;
        const ByteRange range = ByteRange::of(false, 20);
        select_quantize(core::Isa::kScalar).quantize_planes(x.data(), n + 3, channels, n, 0.5f, range, want.data());
        select_quantize(isa).quantize_planes(x.data(), n + 3, channels, n, 0.5f, range, got.data());
        EXPECT_EQ(want, got) << core::isa_name(isa) << " " << n << " x " << channels;
      }
    }
  }
}

TEST(Quantize, NanBecomesTheLowestValueEverywhere) {
  const std::vector<float> x(40, std::nanf(""));
  for (core::Isa isa : core::available_isas()) {
    std::vector<uint8_t> y(40, 9);
    select_quantize(isa).quantize(x.data(), 40, 1.0f, ByteRange::of(false, 7), y.data());
    EXPECT_EQ(y, std::vector<uint8_t>(40, 0));
  }
}

TEST(Quantize, DynamicScaleAsOnnxDefinesIt) {
  // The example of the operator's page: [0, 2, -3, -2.5, 1.34, 0.5].
  const DynamicScale a = dynamic_scale(-3.0f, 2.0f);
  EXPECT_EQ(a.scale, 5.0f / 255.0f);
  EXPECT_EQ(a.zero, 153);
  EXPECT_EQ(dynamic_scale(1.0f, 4.0f).zero, 0);
  EXPECT_EQ(dynamic_scale(-4.0f, -1.0f).zero, 255);
  EXPECT_EQ(dynamic_scale(0.0f, 0.0f).zero, 0);
}

}  // namespace
}  // namespace omni::kernels
