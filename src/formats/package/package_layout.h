// The frame of a package: a header of 64 bytes, the index (FlatBuffers) at 64, sections at multiples of 64 behind it.
//
//   0  8 bytes   89 4F 4D 4E 49 0D 0A 1A  (‰OMNI, then line ends that a text transfer would change)
//   8  u32       format version
//  12  u32       header size, 64
//  16  u64       size of the index, which begins at 64
//  24  u64       where the section area begins: the next multiple of 64
//  32  u64       size of the file
//  40  u32       CRC-32C of the index
//  44  16 bytes  zero
//  60  u32       CRC-32C of bytes 0 to 59
// All numbers are little-endian.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace omni::formats {

static_assert(std::endian::native == std::endian::little, "tensors are mapped as they are stored: little-endian");

inline constexpr size_t kHeaderBytes = 64;
inline constexpr size_t kSectionAlignment = 64;
inline constexpr size_t kInlineBytes = 64;               // tensors up to this size stand in the index
inline constexpr size_t kMaxIndexBytes = size_t{1} << 30;  // FlatBuffers ends at 2 GiB
inline constexpr int kMaxBodyDepth = 32;

struct PackageHeader {
  uint32_t version = 0;
  uint64_t index_size = 0, sections_at = 0, file_size = 0;
  uint32_t index_crc = 0;
};

constexpr uint64_t align_section(uint64_t at) { return (at + kSectionAlignment - 1) / kSectionAlignment * kSectionAlignment; }

std::array<std::byte, kHeaderBytes> header_bytes(const PackageHeader& header);
// Checks all that the header says against `bytes`, the whole file, and the checksum of the index. Throws Error.
PackageHeader read_header(std::span<const std::byte> bytes, const std::string& where);

}  // namespace omni::formats
