#include "formats/dataset/npz.h"

#include <gtest/gtest.h>

#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

const std::vector<float> kX = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};

TEST(Npz, StoredDeflatedAndZip64) {
  const Tensor x = Tensor::of<float>({4, 3}, std::span<const float>(kX));
  const auto stored = load_npz(testdata("stored.npz"));
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[0].first, "x");
  EXPECT_TRUE(stored[0].second.equal(x));
  EXPECT_EQ(to_int64(stored[1].second), (std::vector<int64_t>{0, 2, 1, 2}));
  const auto deflated = load_npz(testdata("deflated.npz"));
  ASSERT_EQ(deflated.size(), 4u);
  EXPECT_EQ(deflated[0].first, "x_train");
  EXPECT_TRUE(deflated[0].second.equal(x));
  const auto zip64 = load_npz(testdata("zip64.npz"));
  ASSERT_EQ(zip64.size(), 1u);
  EXPECT_TRUE(zip64[0].second.equal(x));
}

TEST(Npz, DamageIsAnError) {
  for (const char* name : {"stored.npz", "deflated.npz", "zip64.npz"}) {
    expect_robust(testdata_bytes(name), [](std::span<const std::byte> bytes) { parse_npz(bytes, nullptr, "damaged"); });
  }
  std::vector<std::byte> bytes = testdata_bytes("stored.npz");
  bytes[40 + 5 + 128 + 3] ^= std::byte{1};
  EXPECT_EQ(code_of([&] { parse_npz(bytes, nullptr, "a.npz"); }, "a.npz: broken ZIP archive: the checksum of \"x\" is wrong"), ErrorCode::kInvalidData);
}

}  // namespace
}  // namespace omni::formats
