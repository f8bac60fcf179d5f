#include "formats/dataset/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "core/error.h"

namespace omni::formats {

bool is_gzip(std::span<const std::byte> bytes) { return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b}; }

struct Inflater::State {
  z_stream stream = {};
  std::span<const std::byte> left;
  bool ended = false;
};

Inflater::Inflater(std::span<const std::byte> bytes, Wrapping wrapping, std::string where)
    : state_(std::make_unique<State>()), where_(std::move(where)) {
  state_->left = bytes;
  if (inflateInit2(&state_->stream, wrapping == Wrapping::kGzip ? 15 + 16 : -15) != Z_OK) {
    throw Error(ErrorCode::kMachine, "not enough memory to decompress", where_);
  }
}

Inflater::~Inflater() { inflateEnd(&state_->stream); }

size_t Inflater::read(std::span<std::byte> out) {
  State& s = *state_;
  size_t done = 0;
  while (done < out.size() && !s.ended) {
    constexpr size_t kMost = std::numeric_limits<uInt>::max();
    const size_t in_now = std::min(s.left.size(), kMost), out_now = std::min(out.size() - done, kMost);
    s.stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(s.left.data()));
    s.stream.avail_in = static_cast<uInt>(in_now);
    s.stream.next_out = reinterpret_cast<Bytef*>(out.data() + done);
    s.stream.avail_out = static_cast<uInt>(out_now);
    const int result = inflate(&s.stream, Z_NO_FLUSH);
    s.left = s.left.subspan(in_now - s.stream.avail_in);
    done += out_now - s.stream.avail_out;
    if (result == Z_STREAM_END) {
      s.ended = true;
    } else if (result == Z_BUF_ERROR || (result == Z_OK && s.left.empty() && s.stream.avail_out > 0)) {
      throw Error(ErrorCode::kInvalidData, "the compressed data is cut short", where_, "fetch the file again");
    } else if (result != Z_OK) {
      throw Error(ErrorCode::kInvalidData, std::string("the compressed data is broken: ") + (s.stream.msg != nullptr ? s.stream.msg : "unknown reason"), where_,
                  "fetch the file again");
    }
  }
  return done;
}

}  // namespace omni::formats
