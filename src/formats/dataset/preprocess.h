// From a decoded picture to a network's input: resize, centre crop, scale, mean and standard deviation, layout.
//
// resize() is the antialiased bilinear filter of Pillow (Image.resize, BILINEAR; two passes, 22-bit fixed-point weights, 8 bits in between) to the
// byte, because networks are trained and measured with it and a plain bilinear filter costs them accuracy. Rows come first, as up to Pillow 12;
// later ones may take columns first, which changes a byte by one here and there.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace omni::formats {

using namespace core;

// Interleaved 8-bit samples [height, width, channels].
struct Picture {
  int64_t height = 0, width = 0, channels = 0;
  std::vector<uint8_t> pixels;
};

enum class PictureLayout : uint8_t { kNchw, kNhwc };

struct Preprocess {
  int64_t resize = 0;            // of the shorter side, keeping the proportions; 0: no
  int64_t crop = 0;              // side of the square cut from the centre; 0: no
  int64_t channels = 0;          // 1 (grey, ITU-R 601 luma) or 3; 0: 3 for folders of pictures, else what the file has
  double scale = 1.0 / 255;      // x = (byte * scale - mean) / std
  std::vector<float> mean = {}, std = {};  // none, one for all, or one a channel
  PictureLayout layout = PictureLayout::kNchw;

  bool operator==(const Preprocess&) const = default;
};

// Throws Error (kInvalidArgument) for what can never work: negative sizes, a zero std, lists of another length than the channels.
void check(const Preprocess& options, int64_t channels);

// "resize=256 crop=224 mean=0.485,0.456,0.406 std=0.229,0.224,0.225 layout=nchw": the form in a package's metadata; defaults are left out.
std::string preprocess_text(const Preprocess& options);
// Reads it; throws Error (kInvalidData).
Preprocess parse_preprocess(std::string_view text);

// `width` and `height` > 0.
Picture resize(const Picture& in, int64_t height, int64_t width);
// 1 → 3 repeats, 3 → 1 is L = (19595 R + 38470 G + 7471 B + 2^15) >> 16.
Picture with_channels(Picture in, int64_t channels);
// Resized and cropped as the options say. Throws Error (kInvalidData) for a picture smaller than the crop.
Picture fit(Picture in, const Preprocess& options);
// Size after fit() of a picture of that size.
struct PictureSize {
  int64_t height, width;
  bool operator==(const PictureSize&) const = default;
};
PictureSize fitted_size(PictureSize in, const Preprocess& options);

// The arithmetic of the options as a table: [channels][256]. f32 operations, so the result is the same everywhere.
std::vector<float> normalization_table(const Preprocess& options, int64_t channels);
// One sample, in the layout of the options, from a fitted picture: `out` has height * width * channels elements.
void normalize(const Picture& in, const std::vector<float>& table, PictureLayout layout, float* out);
// Shape of one sample: [channels, height, width] or [height, width, channels].
Shape sample_shape(PictureSize size, int64_t channels, PictureLayout layout);

}  // namespace omni::formats
