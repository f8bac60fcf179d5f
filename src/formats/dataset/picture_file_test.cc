#include "formats/dataset/picture_file.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

TEST(PictureFile, DecodesAsPillowDoes) {
  std::ifstream cases(testdata("pictures.txt"));
  std::string name;
  int64_t height, width, channels;
  uint32_t crc;
  int count = 0;
  while (cases >> name >> height >> width >> channels >> crc) {
    const std::vector<std::byte> bytes = testdata_bytes(name);
    const Picture p = decode_picture(bytes, name);
    EXPECT_EQ(p.height, height) << name;
    EXPECT_EQ(p.width, width) << name;
    EXPECT_EQ(p.channels, channels) << name;
    EXPECT_EQ(::crc32(0, p.pixels.data(), static_cast<uInt>(p.pixels.size())), crc) << name;
    EXPECT_EQ(picture_size(bytes, name), (PictureSize{height, width})) << name;
    ++count;
  }
  EXPECT_EQ(count, 8);
}

TEST(PictureFile, DamageIsAnError) {
  for (const char* name : {"rgb.jpg", "grey.png", "palette.png", "rgb_progressive.jpg"}) {
    expect_robust(testdata_bytes(name), [](std::span<const std::byte> bytes) { decode_picture(bytes, "damaged"); });
  }
  std::vector<std::byte> jpeg = testdata_bytes("rgb.jpg"), png = testdata_bytes("rgb.png");
  jpeg.resize(jpeg.size() - 40);
  png.resize(png.size() - 20);
  EXPECT_EQ(code_of([&] { decode_picture(jpeg, "a.jpg"); }, "a.jpg: broken JPEG"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([&] { decode_picture(png, "a.png"); }, "a.png: broken PNG"), ErrorCode::kInvalidData);
  EXPECT_EQ(code_of([&] { decode_picture(testdata_bytes("cmyk.jpg"), "a.jpg"); }, "CMYK"), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of([&] { decode_picture({}, "a.jpg"); }, "neither JPEG nor PNG"), ErrorCode::kInvalidData);
}

TEST(PictureFile, LoadsAsInput) {
  const Tensor grey = load_picture(testdata("grey.png"), {});
  EXPECT_EQ(grey.shape(), (Shape{1, 3, 24, 40}));
  const Tensor small = load_picture(testdata("rgb.jpg"), {.resize = 8, .crop = 8, .channels = 1, .layout = PictureLayout::kNhwc});
  EXPECT_EQ(small.shape(), (Shape{1, 8, 8, 1}));
  EXPECT_EQ(code_of([] { load_picture(testdata("rgb.jpg"), {.crop = 100}); }, "rgb.jpg"), ErrorCode::kInvalidData);
}

TEST(PictureFile, Names) {
  EXPECT_TRUE(has_picture_name("a.JPEG"));
  EXPECT_TRUE(has_picture_name("a.b.png"));
  EXPECT_FALSE(has_picture_name("png"));
  EXPECT_FALSE(has_picture_name("a.jpg.txt"));
}

}  // namespace
}  // namespace omni::formats
