#include "formats/package/package_layout.h"

#include <cstring>

#include "core/crc32c.h"
#include "core/error.h"
#include "formats/package/package.h"

namespace omni::formats {

namespace {

constexpr std::string_view kMagic = "\x89OMNI\r\n\x1a";

template <class T>
void put(std::array<std::byte, kHeaderBytes>& bytes, size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

template <class T>
T get(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

bool is_package(std::span<const std::byte> bytes) { return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0; }

std::array<std::byte, kHeaderBytes> header_bytes(const PackageHeader& header) {
  std::array<std::byte, kHeaderBytes> bytes = {};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  put(bytes, 8, header.version);
  put(bytes, 12, static_cast<uint32_t>(kHeaderBytes));
  put(bytes, 16, header.index_size);
  put(bytes, 24, header.sections_at);
  put(bytes, 32, header.file_size);
  put(bytes, 40, header.index_crc);
  put(bytes, 60, crc32c(std::span(bytes).first(60)));
  return bytes;
}

PackageHeader read_header(std::span<const std::byte> bytes, const std::string& where) {
  const auto broken = [&](const std::string& what) {
    return Error(ErrorCode::kInvalidData, "broken package: " + what, where, "fetch or make the file again");
  };
  if (!is_package(bytes)) throw Error(ErrorCode::kInvalidData, "is no .omni package", where, "check that it is the right file");
  if (bytes.size() < kHeaderBytes) throw broken("the header is cut short");
  if (get<uint32_t>(bytes, 60) != crc32c(bytes.first(60))) throw broken("the header's checksum is wrong");
  PackageHeader header;
  header.version = get<uint32_t>(bytes, 8);
  header.index_size = get<uint64_t>(bytes, 16);
  header.sections_at = get<uint64_t>(bytes, 24);
  header.file_size = get<uint64_t>(bytes, 32);
  header.index_crc = get<uint32_t>(bytes, 40);
  if (header.version > kPackageVersion) {
    throw Error(ErrorCode::kUnsupported, "package version " + std::to_string(header.version) + " (this tool reads up to " + std::to_string(kPackageVersion) + ")",
                where, "update omni");
  }
  if (header.version == 0 || get<uint32_t>(bytes, 12) != kHeaderBytes) throw broken("the header makes no sense");
  if (header.file_size != bytes.size()) {
    throw broken("the file has " + std::to_string(bytes.size()) + " bytes, its header says " + std::to_string(header.file_size));
  }
  if (header.index_size > kMaxIndexBytes || header.index_size > bytes.size() - kHeaderBytes ||
      header.sections_at != align_section(kHeaderBytes + header.index_size) || header.sections_at > bytes.size()) {
    throw broken("the header makes no sense");
  }
  if (crc32c(bytes.subspan(kHeaderBytes, static_cast<size_t>(header.index_size))) != header.index_crc) throw broken("the index's checksum is wrong");
  return header;
}

}  // namespace omni::formats
