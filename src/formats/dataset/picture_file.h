// JPEG and PNG files as 8-bit pictures of 1 (grey) or 3 (RGB) channels.
//
// Alpha is dropped, palettes and 16-bit samples become 8-bit, orientation tags and colour profiles are ignored: what the usual Python loaders give.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "formats/dataset/preprocess.h"

namespace omni::formats {

// Larger pictures are refused before anything is decoded.
inline constexpr int64_t kMaxPixels = int64_t{1} << 27;

bool is_jpeg(std::span<const std::byte> bytes);
bool is_png(std::span<const std::byte> bytes);
// Whether the name ends like a picture's (.jpg, .jpeg, .png, any case).
bool has_picture_name(std::string_view name);

// `where` names the file in messages. Throws Error: kInvalidData (neither JPEG nor PNG, broken, cut short), kUnsupported (CMYK, too large).
Picture decode_picture(std::span<const std::byte> bytes, const std::string& where);
Picture decode_jpeg(std::span<const std::byte> bytes, const std::string& where);
Picture decode_png(std::span<const std::byte> bytes, const std::string& where);
PictureSize jpeg_size(std::span<const std::byte> bytes, const std::string& where);
PictureSize png_size(std::span<const std::byte> bytes, const std::string& where);
// Width and height from the header alone.
PictureSize picture_size(std::span<const std::byte> bytes, const std::string& where);

// One picture file as a network's input, [1, sample shape]: read, decoded, fitted, normalized (3 channels unless the options say 1).
Tensor load_picture(const std::string& path, const Preprocess& options);

}  // namespace omni::formats
