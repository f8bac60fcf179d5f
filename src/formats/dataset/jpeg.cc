// JPEG through libturbojpeg: the accurate inverse DCT and smooth chroma upsampling, its defaults and those of the Python loaders.
#include <turbojpeg.h>

#include <memory>

#include "core/error.h"
#include "formats/dataset/picture_file.h"

namespace omni::formats {

namespace {

using Decoder = std::unique_ptr<void, decltype(&tjDestroy)>;

struct Header {
  int width = 0, height = 0, subsampling = 0, colours = 0;
};

Decoder make_decoder() {
  Decoder decoder(tjInitDecompress(), &tjDestroy);
  if (!decoder) throw Error(ErrorCode::kMachine, "cannot start the JPEG decoder: " + quoted(tjGetErrorStr2(nullptr)));
  return decoder;
}

Header read_header(const Decoder& decoder, std::span<const std::byte> bytes, const std::string& where) {
  Header h;
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (tjDecompressHeader3(decoder.get(), data, bytes.size(), &h.width, &h.height, &h.subsampling, &h.colours) != 0 || h.width <= 0 || h.height <= 0) {
    throw Error(ErrorCode::kInvalidData, std::string("broken JPEG header: ") + tjGetErrorStr2(decoder.get()), where, "replace or remove the file");
  }
  if (h.colours == TJCS_CMYK || h.colours == TJCS_YCCK) throw Error(ErrorCode::kUnsupported, "a CMYK picture", where, "convert it to RGB first");
  if (int64_t{h.width} * h.height > kMaxPixels) {
    throw Error(ErrorCode::kUnsupported, "a picture of " + std::to_string(h.width) + " x " + std::to_string(h.height) + " pixels", where, "scale it down first");
  }
  return h;
}

}  // namespace

PictureSize jpeg_size(std::span<const std::byte> bytes, const std::string& where) {
  const Header h = read_header(make_decoder(), bytes, where);
  return {h.height, h.width};
}

Picture decode_jpeg(std::span<const std::byte> bytes, const std::string& where) {
  const Decoder decoder = make_decoder();
  const Header h = read_header(decoder, bytes, where);
  const bool grey = h.colours == TJCS_GRAY;
  Picture out{h.height, h.width, grey ? 1 : 3, {}};
  out.pixels.resize(static_cast<size_t>(out.height * out.width * out.channels));
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  if (tjDecompress2(decoder.get(), data, bytes.size(), out.pixels.data(), h.width, 0, h.height, grey ? TJPF_GRAY : TJPF_RGB, 0) != 0) {
    // A warning means that the picture was filled up with grey somewhere; only bytes too many between two markers do no harm.
    const std::string text = tjGetErrorStr2(decoder.get());
    const bool harmless = tjGetErrorCode(decoder.get()) == TJERR_WARNING && text.find("extraneous bytes") != std::string::npos;
    if (!harmless) throw Error(ErrorCode::kInvalidData, "broken JPEG: " + text, where, "replace or remove the file");
  }
  return out;
}

}  // namespace omni::formats
