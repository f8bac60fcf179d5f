// PNG through libpng. Its errors leave by longjmp, so nothing with a destructor lives in the frame that calls it.
#include <png.h>

#include <cstring>

#include "core/error.h"
#include "formats/dataset/picture_file.h"

namespace omni::formats {

namespace {

struct Reader {
  std::span<const std::byte> bytes;
  size_t at = 0;
  char message[128] = "";
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_error(png_structp png, png_const_charp text) {
  Reader* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader->message, text, sizeof reader->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void on_read(png_structp png, png_bytep out, size_t count) {
  Reader* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (count > reader->bytes.size() - reader->at) png_error(png, "the file is cut short");
  std::memcpy(out, reader->bytes.data() + reader->at, count);
  reader->at += count;
}

// Header and conversions to 8-bit grey or RGB; false with reader.message after an error.
bool begin(Reader& reader, Picture& out) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, on_read);
  png_read_info(reader.png, reader.info);
  png_set_strip_16(reader.png);
  png_set_expand(reader.png);  // palettes to RGB, 1, 2 and 4 bits to 8, transparency to alpha
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  out.height = png_get_image_height(reader.png, reader.info);
  out.width = png_get_image_width(reader.png, reader.info);
  out.channels = png_get_channels(reader.png, reader.info);
  return true;
}

bool read_rows(Reader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

Picture start(Reader& reader, std::span<const std::byte> bytes, const std::string& where) {
  reader.bytes = bytes;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  reader.info = reader.png == nullptr ? nullptr : png_create_info_struct(reader.png);
  if (reader.info == nullptr) throw Error(ErrorCode::kMachine, "cannot start the PNG decoder");
  png_set_user_limits(reader.png, 1 << 24, 1 << 24);
  png_set_chunk_malloc_max(reader.png, 1 << 24);
  Picture out;
  if (!begin(reader, out)) throw Error(ErrorCode::kInvalidData, "broken PNG header: " + quoted(reader.message), where, "replace or remove the file");
  if (out.height * out.width > kMaxPixels) {
    throw Error(ErrorCode::kUnsupported, "a picture of " + std::to_string(out.width) + " x " + std::to_string(out.height) + " pixels", where,
                "scale it down first");
  }
  if (out.channels != 1 && out.channels != 3) throw Error(ErrorCode::kUnsupported, std::to_string(out.channels) + " channels", where, "convert it first");
  return out;
}

}  // namespace

PictureSize png_size(std::span<const std::byte> bytes, const std::string& where) {
  Reader reader;
  const Picture header = start(reader, bytes, where);
  return {header.height, header.width};
}

Picture decode_png(std::span<const std::byte> bytes, const std::string& where) {
  Reader reader;
  Picture out = start(reader, bytes, where);
  const size_t row = static_cast<size_t>(out.width * out.channels);
  // Deflate shrinks at most by 1032, so that a small file cannot ask for a large buffer.
  if (static_cast<size_t>(out.height) * row / 8 / 1032 > bytes.size()) throw Error(ErrorCode::kInvalidData, "broken PNG: the file is cut short", where);
  out.pixels.resize(static_cast<size_t>(out.height) * row);
  std::vector<png_bytep> rows;
  for (size_t y = 0; y < static_cast<size_t>(out.height); ++y) rows.push_back(out.pixels.data() + y * row);
  if (!read_rows(reader, rows.data())) throw Error(ErrorCode::kInvalidData, "broken PNG: " + quoted(reader.message), where, "replace or remove the file");
  return out;
}

}  // namespace omni::formats
