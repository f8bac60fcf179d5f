#include "formats/dataset/picture_file.h"

#include <cstring>

#include "core/error.h"
#include "core/mapped_file.h"

namespace omni::formats {

namespace {

bool starts_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

}  // namespace

bool is_jpeg(std::span<const std::byte> bytes) { return starts_with(bytes, "\xff\xd8\xff"); }
bool is_png(std::span<const std::byte> bytes) { return starts_with(bytes, "\x89PNG\r\n\x1a\n"); }

bool has_picture_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string extension(name.substr(dot + 1));
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension == "jpg" || extension == "jpeg" || extension == "png";
}

Picture decode_picture(std::span<const std::byte> bytes, const std::string& where) {
  if (is_jpeg(bytes)) return decode_jpeg(bytes, where);
  if (is_png(bytes)) return decode_png(bytes, where);
  throw Error(ErrorCode::kInvalidData, "is neither JPEG nor PNG", where, "convert it first");
}

PictureSize picture_size(std::span<const std::byte> bytes, const std::string& where) {
  if (is_jpeg(bytes)) return jpeg_size(bytes, where);
  if (is_png(bytes)) return png_size(bytes, where);
  throw Error(ErrorCode::kInvalidData, "is neither JPEG nor PNG", where, "convert it first");
}

Tensor load_picture(const std::string& path, const Preprocess& options) {
  const int64_t channels = options.channels == 0 ? 3 : options.channels;
  check(options, channels);
  const MappedFile file = map_file(path);
  Picture picture = with_channels(decode_picture(file.bytes, path), channels);
  try {
    picture = fit(std::move(picture), options);
  } catch (const Error& e) {
    throw e.within(path);
  }
  const Shape sample = sample_shape({picture.height, picture.width}, channels, options.layout);
  Tensor tensor(DType::kF32, {1, sample[0], sample[1], sample[2]});
  normalize(picture, normalization_table(options, channels), options.layout, tensor.mutable_values<float>().data());
  return tensor;
}

}  // namespace omni::formats
