#include "formats/dataset/idx.h"

#include <gtest/gtest.h>

#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

TEST(Idx, PlainAndGzipped) {
  const Tensor images = load_idx(testdata("images.idx"));
  EXPECT_EQ(images.dtype(), DType::kU8);
  EXPECT_EQ(images.shape(), (Shape{3, 2, 2}));
  EXPECT_EQ(to_int64(images), (std::vector<int64_t>{0, 51, 102, 153, 204, 255, 1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(load_idx(testdata("images.idx.gz")).equal(images));
}

TEST(Idx, EveryType) {
  const std::pair<const char*, DType> cases[] = {
      {"type9.idx", DType::kI8}, {"typeb.idx", DType::kI16}, {"typec.idx", DType::kI32}, {"typed.idx", DType::kF32}, {"typee.idx", DType::kF64}};
  for (const auto& [name, dtype] : cases) {
    const Tensor t = load_idx(testdata(name));
    EXPECT_EQ(t.dtype(), dtype);
    EXPECT_EQ(to_double(t), (std::vector<double>{-1, 0, 100})) << name;
  }
}

TEST(Idx, SaysWhatIsWrong) {
  const auto parse = [](std::initializer_list<int> values) {
    std::vector<std::byte> bytes;
    for (const int v : values) bytes.push_back(static_cast<std::byte>(v));
    return [bytes] { parse_idx(bytes, "a.idx"); };
  };
  EXPECT_EQ(code_of(parse({0, 0, 8, 1, 0, 0, 0, 3, 1, 2}), "promises 3 bytes of data, the file holds 2"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse({0, 0, 8, 1, 0, 0, 0, 1, 1, 2}), "behind the data"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse({0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}), "a.idx"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse({0, 0, 8, 9}), "rank 9"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(parse({0, 0, 7, 1}), "no IDX file"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of(parse({0, 0, 8, 2, 0, 0}), "cut short"), ErrorCode::kInvalidData);
}

TEST(Idx, DamageIsAnError) {
  for (const char* name : {"images.idx", "images.idx.gz", "typee.idx"}) {
    expect_robust(testdata_bytes(name), [](std::span<const std::byte> bytes) { parse_idx(bytes, "damaged"); });
  }
}

}  // namespace
}  // namespace omni::formats
