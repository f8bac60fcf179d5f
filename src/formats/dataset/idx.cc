#include "formats/dataset/idx.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/dataset/inflate.h"

namespace omni::formats {

namespace {

std::optional<DType> idx_type(std::byte code) {
  switch (static_cast<uint8_t>(code)) {
    case 0x08: return DType::kU8;
    case 0x09: return DType::kI8;
    case 0x0b: return DType::kI16;
    case 0x0c: return DType::kI32;
    case 0x0d: return DType::kF32;
    case 0x0e: return DType::kF64;
    default: return std::nullopt;
  }
}

// `read(out)` fills as much of `out` as there is and says how much; `most` bounds what can still come.
template <class Read>
Tensor parse(Read&& read, size_t most, const std::string& where) {
  const auto broken = [&](std::string what) { return Error(ErrorCode::kInvalidData, std::move(what), where, "fetch the file again"); };
  std::byte head[4] = {};
  if (read(std::span(head)) != 4 || head[0] != std::byte{0} || head[1] != std::byte{0} || !idx_type(head[2])) {
    throw Error(ErrorCode::kInvalidData, "is no IDX file (it should begin with 00 00, a type and a rank)", where, "check that it is the right file");
  }
  const DType dtype = *idx_type(head[2]);
  const size_t rank = static_cast<size_t>(head[3]);
  if (rank > static_cast<size_t>(Shape::kMaxRank)) throw Error(ErrorCode::kUnsupported, "a tensor of rank " + std::to_string(rank), where);
  std::byte sizes[4 * Shape::kMaxRank] = {};
  if (read(std::span(sizes).first(4 * rank)) != 4 * rank) throw broken("the header is cut short");
  int64_t dims[Shape::kMaxRank] = {};
  for (size_t i = 0; i < 4 * rank; ++i) dims[i / 4] = dims[i / 4] << 8 | static_cast<int64_t>(sizes[i]);
  const std::optional<int64_t> count = checked_count(std::span(dims).first(rank));
  const size_t element = dtype_size(dtype);
  if (!count || static_cast<uint64_t>(*count) > most / element) throw broken("the header promises more data than the file can hold");

  Tensor tensor(dtype, Shape(std::span<const int64_t>(dims, rank)));
  const std::span<std::byte> data(static_cast<std::byte*>(tensor.mutable_data()), tensor.bytes());
  const size_t got = read(data);
  if (got != data.size()) {
    throw broken("the header promises " + std::to_string(data.size()) + " bytes of data, the file holds " + std::to_string(got));
  }
  std::byte more;
  if (read(std::span(&more, 1)) != 0) throw broken("there are bytes behind the data");
  if (std::endian::native == std::endian::little && element > 1) {
    for (size_t at = 0; at < data.size(); at += element) std::reverse(data.begin() + static_cast<long>(at), data.begin() + static_cast<long>(at + element));
  }
  return tensor;
}

}  // namespace

bool is_idx(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && bytes[0] == std::byte{0} && bytes[1] == std::byte{0} && idx_type(bytes[2]).has_value();
}

Tensor parse_idx(std::span<const std::byte> bytes, const std::string& where) {
  if (is_gzip(bytes)) {
    Inflater stream(bytes, Inflater::Wrapping::kGzip, where);
    return parse([&](std::span<std::byte> out) { return stream.read(out); }, max_inflated(bytes.size()), where);
  }
  const auto read = [&](std::span<std::byte> out) {
    const size_t n = std::min(out.size(), bytes.size());
    if (n > 0) std::memcpy(out.data(), bytes.data(), n);
    bytes = bytes.subspan(n);
    return n;
  };
  return parse(read, bytes.size(), where);
}

Tensor load_idx(const std::string& path) { return parse_idx(map_file(path).bytes, path); }

}  // namespace omni::formats
