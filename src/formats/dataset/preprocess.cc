#include "formats/dataset/preprocess.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <span>

#include "core/error.h"

namespace omni::formats {

namespace {

std::string number_text(double value) {
  char buffer[32];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::string list_text(const std::vector<float>& values) {
  std::string text;
  for (const float v : values) {
    char buffer[32];
    if (!text.empty()) text += ',';
    text.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, v).ptr);
  }
  return text;
}

template <class T>
T read_number(std::string_view text, std::string_view key) {
  T value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) {
    throw Error(ErrorCode::kInvalidData, quoted(text) + " is no number", "preprocessing, " + std::string(key));
  }
  return value;
}

std::vector<float> read_list(std::string_view text, std::string_view key) {
  std::vector<float> values;
  for (;;) {
    const size_t comma = text.find(',');
    values.push_back(read_number<float>(text.substr(0, comma), key));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

void set_option(Preprocess& options, std::string_view key, std::string_view value) {
  static constexpr std::array<std::string_view, 7> kKeys = {"resize", "crop", "channels", "scale", "mean", "std", "layout"};
  switch (std::find(kKeys.begin(), kKeys.end(), key) - kKeys.begin()) {
    case 0: options.resize = read_number<int64_t>(value, key); return;
    case 1: options.crop = read_number<int64_t>(value, key); return;
    case 2: options.channels = read_number<int64_t>(value, key); return;
    case 3: options.scale = read_number<double>(value, key); return;
    case 4: options.mean = read_list(value, key); return;
    case 5: options.std = read_list(value, key); return;
    case 6:
      if (value != "nchw" && value != "nhwc") throw Error(ErrorCode::kInvalidData, quoted(value) + " is no layout", "preprocessing", "use nchw or nhwc");
      options.layout = value == "nchw" ? PictureLayout::kNchw : PictureLayout::kNhwc;
      return;
    default: throw Error(ErrorCode::kInvalidData, "unknown option " + quoted(key), "preprocessing", "the file may come from a newer version");
  }
}

// Of one output position: the first input position and the weights, in units of 2^-22.
struct Weights {
  int64_t first = 0;
  std::vector<int32_t> values;
};

constexpr int kPrecisionBits = 32 - 8 - 2;  // Pillow's: 8 bits of result, 2 of head room

// Pillow's precompute_coeffs and normalize_coeffs_8bpc with the triangle filter, whose support is 1.
std::vector<Weights> triangle_weights(int64_t in, int64_t out) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double filter_scale = std::max(scale, 1.0), support = filter_scale, inverse = 1.0 / filter_scale;
  std::vector<Weights> all(static_cast<size_t>(out));
  std::vector<double> raw;
  for (size_t i = 0; i < all.size(); ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(centre - support + 0.5));
    const int64_t last = std::min(in, static_cast<int64_t>(centre + support + 0.5));
    raw.clear();
    double sum = 0;
    for (int64_t x = first; x < last; ++x) {
      const double distance = std::abs((static_cast<double>(x) - centre + 0.5) * inverse);
      raw.push_back(distance < 1.0 ? 1.0 - distance : 0.0);
      sum += raw.back();
    }
    all[i].first = first;
    for (const double w : raw) {
      const double share = sum != 0 ? w / sum : w;
      all[i].values.push_back(static_cast<int32_t>(0.5 + share * (1 << kPrecisionBits)));
    }
  }
  return all;
}

// Weights are not negative and their sum is 2^22 but for rounding, so that a sum of bytes times weights stays below 2^31.
uint8_t rounded_byte(int32_t sum) { return static_cast<uint8_t>(std::min(sum >> kPrecisionBits, 255)); }

constexpr int32_t kHalf = 1 << (kPrecisionBits - 1);

Picture resize_rows(const Picture& in, int64_t width) {
  Picture out{in.height, width, in.channels, std::vector<uint8_t>(static_cast<size_t>(in.height * width * in.channels))};
  const std::vector<Weights> weights = triangle_weights(in.width, width);
  const size_t channels = static_cast<size_t>(in.channels);
  uint8_t* to = out.pixels.data();
  for (int64_t y = 0; y < in.height; ++y) {
    const uint8_t* row = in.pixels.data() + y * in.width * in.channels;
    for (const Weights& w : weights) {
      for (size_t c = 0; c < channels; ++c) {
        const uint8_t* from = row + w.first * in.channels + static_cast<int64_t>(c);
        int32_t sum = kHalf;
        for (const int32_t value : w.values) {
          sum += *from * value;
          from += channels;
        }
        *to++ = rounded_byte(sum);
      }
    }
  }
  return out;
}

Picture resize_columns(const Picture& in, int64_t height) {
  const size_t row = static_cast<size_t>(in.width * in.channels);
  Picture out{height, in.width, in.channels, std::vector<uint8_t>(static_cast<size_t>(height) * row)};
  const std::vector<Weights> weights = triangle_weights(in.height, height);
  std::vector<int32_t> sums(row);
  for (size_t y = 0; y < weights.size(); ++y) {
    std::fill(sums.begin(), sums.end(), kHalf);
    const uint8_t* from = in.pixels.data() + static_cast<size_t>(weights[y].first) * row;
    for (const int32_t value : weights[y].values) {
      for (size_t x = 0; x < row; ++x) sums[x] += from[x] * value;
      from += row;
    }
    for (size_t x = 0; x < row; ++x) out.pixels[y * row + x] = rounded_byte(sums[x]);
  }
  return out;
}

}  // namespace

void check(const Preprocess& options, int64_t channels) {
  const auto fail = [](std::string what, std::string fix) { throw Error(ErrorCode::kInvalidArgument, std::move(what), "preprocessing", std::move(fix)); };
  constexpr int64_t kMaxSide = 1 << 15;
  if (options.resize < 0 || options.crop < 0 || options.resize > kMaxSide || options.crop > kMaxSide) fail("a size outside 1 to 32768", "");
  if (options.resize > 0 && options.crop > options.resize) {
    fail("the crop of " + std::to_string(options.crop) + " is larger than the resized picture (" + std::to_string(options.resize) + ")",
         "make --resize at least as large as --crop");
  }
  if (options.channels != 0 && options.channels != 1 && options.channels != 3) fail("pictures have 1 or 3 channels", "");
  if (!std::isfinite(options.scale)) fail("the scale is not finite", "");
  for (const std::vector<float>* list : {&options.mean, &options.std}) {
    if (list->size() > 1 && static_cast<int64_t>(list->size()) != channels) {
      fail(std::to_string(list->size()) + " values of mean or std for " + std::to_string(channels) + " channel(s)", "give one, or one a channel");
    }
    for (const float v : *list) {
      if (!std::isfinite(v) || (list == &options.std && v == 0)) fail("a mean or std that is not finite, or a std of 0", "");
    }
  }
}

std::string preprocess_text(const Preprocess& options) {
  const Preprocess defaults;
  std::string text;
  const auto add = [&](std::string_view key, const std::string& value) {
    if (!text.empty()) text += ' ';
    text += std::string(key) + "=" + value;
  };
  if (options.resize != 0) add("resize", std::to_string(options.resize));
  if (options.crop != 0) add("crop", std::to_string(options.crop));
  if (options.channels != 0) add("channels", std::to_string(options.channels));
  if (options.scale != defaults.scale) add("scale", number_text(options.scale));
  if (!options.mean.empty()) add("mean", list_text(options.mean));
  if (!options.std.empty()) add("std", list_text(options.std));
  if (options.layout != defaults.layout) add("layout", "nhwc");
  return text;
}

Preprocess parse_preprocess(std::string_view text) {
  Preprocess options;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) throw Error(ErrorCode::kInvalidData, quoted(item) + " is no KEY=VALUE", "preprocessing");
    set_option(options, item.substr(0, equals), item.substr(equals + 1));
  }
  return options;
}

Picture resize(const Picture& in, int64_t height, int64_t width) {
  if (width == in.width) return height == in.height ? in : resize_columns(in, height);
  const Picture rows = resize_rows(in, width);
  return height == in.height ? rows : resize_columns(rows, height);
}

Picture with_channels(Picture in, int64_t channels) {
  if (channels == in.channels) return in;
  const size_t count = static_cast<size_t>(in.height * in.width);
  Picture out{in.height, in.width, channels, std::vector<uint8_t>(count * static_cast<size_t>(channels))};
  for (size_t i = 0; i < count; ++i) {
    if (channels == 3) {
      std::memset(out.pixels.data() + 3 * i, in.pixels[i], 3);
    } else {
      const uint8_t* p = in.pixels.data() + 3 * i;
      out.pixels[i] = static_cast<uint8_t>((19595u * p[0] + 38470u * p[1] + 7471u * p[2] + 0x8000u) >> 16);
    }
  }
  return out;
}

namespace {

PictureSize resized_size(PictureSize in, int64_t shorter) {
  if (shorter == 0) return in;
  return in.width <= in.height ? PictureSize{std::max<int64_t>(1, shorter * in.height / in.width), shorter}
                               : PictureSize{shorter, std::max<int64_t>(1, shorter * in.width / in.height)};
}

// Half to even, as torchvision's center_crop rounds.
int64_t half(int64_t n) { return n / 2 + (n % 4 == 3 ? 1 : 0); }

}  // namespace

PictureSize fitted_size(PictureSize in, const Preprocess& options) {
  return options.crop > 0 ? PictureSize{options.crop, options.crop} : resized_size(in, options.resize);
}

Picture fit(Picture in, const Preprocess& options) {
  const PictureSize size = resized_size({in.height, in.width}, options.resize);
  if (std::max(size.height, size.width) > int64_t{1} << 20) {
    throw Error(ErrorCode::kInvalidData, "the picture of " + std::to_string(in.width) + " x " + std::to_string(in.height) + " is too narrow to be resized");
  }
  if (size.height != in.height || size.width != in.width) in = resize(in, size.height, size.width);
  const int64_t side = options.crop;
  if (side == 0 || (in.height == side && in.width == side)) return in;
  if (in.height < side || in.width < side) {
    throw Error(ErrorCode::kInvalidData,
                "the picture of " + std::to_string(in.width) + " x " + std::to_string(in.height) + " is smaller than the crop of " + std::to_string(side), "",
                "use --resize");
  }
  const int64_t top = half(in.height - side), left = half(in.width - side);
  Picture out{side, side, in.channels, std::vector<uint8_t>(static_cast<size_t>(side * side * in.channels))};
  const size_t row = static_cast<size_t>(side * in.channels);
  for (int64_t y = 0; y < side; ++y) {
    const uint8_t* from = in.pixels.data() + ((top + y) * in.width + left) * in.channels;
    std::memcpy(out.pixels.data() + static_cast<size_t>(y) * row, from, row);
  }
  return out;
}

std::vector<float> normalization_table(const Preprocess& options, int64_t channels) {
  std::vector<float> table;
  const auto of = [](const std::vector<float>& list, size_t c, float fallback) { return list.empty() ? fallback : list.size() == 1 ? list[0] : list[c]; };
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    for (int v = 0; v < 256; ++v) {
      const float scaled = static_cast<float>(v * options.scale);
      table.push_back((scaled - of(options.mean, c, 0.0f)) / of(options.std, c, 1.0f));
    }
  }
  return table;
}

void normalize(const Picture& in, const std::vector<float>& table, PictureLayout layout, float* out) {
  const size_t channels = static_cast<size_t>(in.channels), count = static_cast<size_t>(in.height * in.width);
  const size_t pixel_step = layout == PictureLayout::kNhwc ? channels : 1, channel_step = layout == PictureLayout::kNhwc ? 1 : count;
  for (size_t c = 0; c < channels; ++c) {
    const float* row = table.data() + 256 * c;
    const uint8_t* from = in.pixels.data() + c;
    float* to = out + c * channel_step;
    for (size_t i = 0; i < count; ++i) to[i * pixel_step] = row[from[i * channels]];
  }
}

Shape sample_shape(PictureSize size, int64_t channels, PictureLayout layout) {
  return layout == PictureLayout::kNchw ? Shape{channels, size.height, size.width} : Shape{size.height, size.width, channels};
}

}  // namespace omni::formats
