#include "formats/dataset/preprocess.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "formats/dataset/testdata_test.h"

namespace omni::formats {
namespace {

Picture pattern(int64_t height, int64_t width, int64_t channels) {
  Picture p{height, width, channels, {}};
  for (int64_t i = 0; i < height * width * channels; ++i) p.pixels.push_back(static_cast<uint8_t>((i * 37 + i * i * 11 + (i / 7) * 5) % 256));
  return p;
}

// testdata/resize.txt holds what Pillow 11.3 makes of the same picture.
TEST(Resize, IsPillowsToTheByte) {
  std::ifstream cases(testdata("resize.txt"));
  int64_t h, w, c, to_h, to_w;
  uint32_t crc;
  std::string head;
  int count = 0;
  while (cases >> h >> w >> c >> to_h >> to_w >> crc >> head) {
    const Picture out = resize(pattern(h, w, c), to_h, to_w);
    EXPECT_EQ(out.height, to_h);
    EXPECT_EQ(out.width, to_w);
    EXPECT_EQ(::crc32(0, out.pixels.data(), static_cast<uInt>(out.pixels.size())), crc) << h << "x" << w << " to " << to_h << "x" << to_w;
    ++count;
  }
  EXPECT_EQ(count, 10);
}

TEST(Resize, SameSizeIsTheSame) {
  const Picture in = pattern(6, 7, 3);
  EXPECT_EQ(resize(in, 6, 7).pixels, in.pixels);
}

TEST(Fit, ShorterSideThenCentre) {
  const Preprocess options{.resize = 256, .crop = 224};
  const Picture out = fit(pattern(333, 500, 3), options);
  EXPECT_EQ(out.height, 224);
  EXPECT_EQ(out.width, 224);
  const Picture whole = resize(pattern(333, 500, 3), 256, 384);
  EXPECT_EQ(out.pixels[0], whole.pixels[static_cast<size_t>((16 * 384 + 80) * 3)]);
  EXPECT_EQ(fitted_size({333, 500}, {.resize = 256}), (PictureSize{256, 384}));
  EXPECT_EQ(fitted_size({500, 333}, {.resize = 256}), (PictureSize{384, 256}));
  // Offsets of a half round to even: 3 / 2 is 2, 5 / 2 is 2.
  EXPECT_EQ(fit(pattern(4, 4, 1), {.crop = 1}).pixels[0], pattern(4, 4, 1).pixels[2 * 4 + 2]);
  EXPECT_EQ(fit(pattern(6, 6, 1), {.crop = 1}).pixels[0], pattern(6, 6, 1).pixels[2 * 6 + 2]);
  EXPECT_EQ(code_of([] { fit(pattern(5, 9, 1), {.crop = 6}); }, "9 x 5 is smaller than the crop of 6"), ErrorCode::kInvalidData);
}

TEST(Channels, GreyIsLuma) {
  const Picture grey = with_channels(Picture{1, 3, 3, {255, 0, 0, 0, 255, 0, 10, 20, 30}}, 1);
  EXPECT_EQ(grey.pixels, (std::vector<uint8_t>{76, 150, 18}));  // Pillow: convert("L")
  EXPECT_EQ(with_channels(Picture{1, 2, 1, {7, 9}}, 3).pixels, (std::vector<uint8_t>{7, 7, 7, 9, 9, 9}));
}

TEST(Normalize, ScalesShiftsAndOrders) {
  const Preprocess options{.mean = {0.5f, 0.25f, 0}, .std = {0.5f, 1, 2}};
  const std::vector<float> table = normalization_table(options, 3);
  const Picture in{1, 2, 3, {0, 255, 51, 102, 0, 255}};
  float nchw[6], nhwc[6];
  normalize(in, table, PictureLayout::kNchw, nchw);
  normalize(in, table, PictureLayout::kNhwc, nhwc);
  const auto of = [](int v, float mean, float std) { return (static_cast<float>(v) / 255.0f - mean) / std; };
  const float expected[6] = {of(0, 0.5f, 0.5f), of(102, 0.5f, 0.5f), of(255, 0.25f, 1), of(0, 0.25f, 1), of(51, 0, 2), of(255, 0, 2)};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(nchw[i], expected[i]);
    EXPECT_EQ(nhwc[(i % 2) * 3 + i / 2], expected[i]);
  }
}

// The usual scale agrees with a division by 255 for every byte.
TEST(Normalize, EveryByteOver255) {
  const std::vector<float> table = normalization_table({}, 1);
  for (int v = 0; v < 256; ++v) EXPECT_EQ(table[static_cast<size_t>(v)], static_cast<float>(v) / 255.0f);
}

TEST(Preprocess, TextRoundTrip) {
  const Preprocess options{.resize = 256, .crop = 224, .channels = 3, .scale = 1.0 / 127.5, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f},
                           .layout = PictureLayout::kNhwc};
  EXPECT_EQ(preprocess_text({.resize = 256, .crop = 224, .mean = {0.485f, 0.456f, 0.406f}}), "resize=256 crop=224 mean=0.485,0.456,0.406");
  EXPECT_EQ(parse_preprocess(preprocess_text(options)), options);
  EXPECT_EQ(parse_preprocess(""), Preprocess{});
  for (const char* bad : {"resize", "resize=x", "size=3", "layout=chw", "mean=1,,2", "mean="}) {
    EXPECT_EQ(code_of([&] { parse_preprocess(bad); }, "preprocessing"), ErrorCode::kInvalidData) << bad;
  }
}

TEST(Preprocess, WhatCanNeverWork) {
  const Preprocess bad[] = {{.resize = -1}, {.crop = 1 << 20}, {.resize = 10, .crop = 11}, {.channels = 2}, {.mean = {1, 2}}, {.std = {0}}};
  for (const Preprocess& options : bad) {
    EXPECT_EQ(code_of([&] { check(options, 3); }), ErrorCode::kInvalidArgument) << preprocess_text(options);
  }
  check({.mean = {1}, .std = {1, 2, 3}}, 3);
}

}  // namespace
}  // namespace omni::formats
