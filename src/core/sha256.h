// SHA-256 (FIPS 180-4): names for bytes. Not fast on purpose of being small: about 0.3 GB/s.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace omni::core {

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  void update(std::span<const std::byte> bytes);
  // The digest of all bytes so far; nothing may be added afterwards.
  Sha256Digest finish();

 private:
  void block(const uint8_t* data);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_ = {};
  uint64_t total_ = 0;
};

Sha256Digest sha256(std::span<const std::byte> bytes);
// 64 lower-case hexadecimal digits.
std::string to_hex(const Sha256Digest& digest);
inline std::string sha256_hex(std::span<const std::byte> bytes) { return to_hex(sha256(bytes)); }

}  // namespace omni::core
