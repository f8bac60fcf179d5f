#include "formats/package/coded_tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "core/error.h"
#include "core/rng.h"

namespace omni::formats {
namespace {

// Weights of a codebook, `density` of them not zero; whole columns empty where asked.
Tensor pruned(const Shape& shape, double density, int levels, int64_t empty_every = 0) {
  Tensor tensor(DType::kF32, shape);
  const int64_t columns = shape.count() / shape[0];
  const std::span<float> values = tensor.mutable_values<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    const core::PhiloxBlock block = core::philox4x32({{static_cast<uint32_t>(i), 0, 0, 0}}, 7, 0);
    const uint32_t* const bits = block.words;
    const bool kept = static_cast<double>(bits[0]) < density * 4294967296.0 && (empty_every == 0 || static_cast<int64_t>(i) % columns % empty_every != 0);
    values[i] = kept ? 0.01F * static_cast<float>(static_cast<int>(bits[1] % static_cast<uint32_t>(levels)) - levels / 2) + 0.005F : 0.0F;
  }
  return tensor;
}

void expect_same(const Tensor& tensor) {
  const auto coded = encode_tensor(tensor);
  ASSERT_TRUE(coded.has_value());
  EXPECT_LT(coded->bytes.size(), tensor.bytes());
  EXPECT_TRUE(decode_tensor(tensor.dtype(), tensor.shape(), coded->bytes).equal(tensor));
}

TEST(CodedTensor, ComesBackBitForBit) {
  expect_same(pruned({300, 784}, 0.08, 31));
  expect_same(pruned({8, 3, 5, 5}, 0.4, 200));
  expect_same(pruned({1000}, 0.02, 3));
  Tensor odd(DType::kF32, Shape{64, 64});  // values that comparisons of numbers cannot tell apart
  for (size_t i = 0; i < 4096; ++i) odd.mutable_values<float>()[i] = i % 9 == 0 ? -0.0F : i % 7 == 0 ? std::nanf("1") : i % 5 == 0 ? INFINITY : 0.0F;
  expect_same(odd);
  expect_same(Tensor(DType::kF32, Shape{100, 3}));  // one symbol alone
}

// More NaNs and signs than a sort with comparisons of numbers could order.
TEST(CodedTensor, ManyValuesThatAreNotNumbers) {
  Tensor odd(DType::kF32, Shape{64, 64});
  for (uint32_t i = 0; i < 4096; ++i) {
    const uint32_t bits = i % 3 == 0 ? 0x7FC00000U + i % 40 : i % 3 == 1 ? 0xFFC00000U + i % 50 : i % 7 << 28;
    std::memcpy(odd.mutable_values<float>().data() + i, &bits, sizeof bits);
  }
  expect_same(odd);
}

TEST(CodedTensor, EveryWidthOfElement) {
  for (const DType type : {DType::kI8, DType::kU8, DType::kF16, DType::kBF16, DType::kI16, DType::kU16, DType::kI32, DType::kI4, DType::kU4, DType::kBool}) {
    std::vector<double> values;
    for (int64_t i = 0; i < 3 * 333; ++i) values.push_back(i % 11 == 0 ? 1 : i % 31 == 0 && type != DType::kBool ? 3 : 0);
    SCOPED_TRACE(dtype_name(type));
    expect_same(core::from_double(type, Shape{3, 333}, values));  // an odd count of half bytes
  }
}

// Independent positions and values are what order-0 entropy bounds from below; the adaptive models cost little more to learn it.
TEST(CodedTensor, NearTheEntropyOfIndependentElements) {
  const auto coded = encode_tensor(pruned({300, 784}, 0.08, 31));
  ASSERT_TRUE(coded.has_value());
  EXPECT_EQ(coded->symbols, 32U);
  EXPECT_LT(static_cast<double>(coded->bytes.size()), coded->entropy_bytes * 1.02);
}

TEST(CodedTensor, EmptyColumnsCostHardlyAnything) {
  const Tensor tensor = pruned({300, 784}, 0.16, 31, 2);
  const auto coded = encode_tensor(tensor);
  ASSERT_TRUE(coded.has_value());
  EXPECT_LT(static_cast<double>(coded->bytes.size()), coded->entropy_bytes * 0.93);
}

TEST(CodedTensor, StaysDenseWhereCodingDoesNotPay) {
  Tensor noise(DType::kU8, Shape{64, 64});
  for (size_t i = 0; i < 4096; ++i) noise.mutable_values<uint8_t>()[i] = static_cast<uint8_t>(core::philox4x32({{static_cast<uint32_t>(i), 0, 0, 0}}, 3, 0).words[0]);
  EXPECT_FALSE(encode_tensor(noise).has_value());
  Tensor many(DType::kF32, Shape{8192});
  for (size_t i = 0; i < 8192; ++i) many.mutable_values<float>()[i] = static_cast<float>(i % 5000);
  EXPECT_FALSE(encode_tensor(many).has_value());
  EXPECT_FALSE(encode_tensor(Tensor(DType::kI64, Shape{64})).has_value());
  EXPECT_FALSE(encode_tensor(Tensor(DType::kF32, Shape{0, 4})).has_value());
}

TEST(CodedTensor, BrokenBytesAreRefused) {
  const Tensor tensor = pruned({40, 50}, 0.1, 15);
  const std::vector<std::byte> good = encode_tensor(tensor)->bytes;
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THROW(decode_tensor(DType::kF32, tensor.shape(), std::span(good).first(size)), Error) << size;
  }
  for (size_t i = 0; i < good.size(); ++i) {
    std::vector<std::byte> bytes = good;
    bytes[i] ^= std::byte{0x41};
    try {
      const Tensor out = decode_tensor(DType::kF32, tensor.shape(), bytes);
      // Other weights, which a checksum finds; but the coder's last bytes say more than it needs.
      EXPECT_TRUE(i >= good.size() - 4 || !out.equal(tensor)) << i;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kInvalidData);
    }
  }
  EXPECT_THROW(decode_tensor(DType::kF32, Shape{41, 50}, good), Error);
  EXPECT_THROW(decode_tensor(DType::kF32, Shape{1 << 20, 1 << 20}, good), Error);  // before memory for it is asked for
}

}  // namespace
}  // namespace omni::formats
