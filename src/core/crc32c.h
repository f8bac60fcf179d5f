// CRC-32C (Castagnoli; RFC 3720, section 12.1): the checksum of package sections. Finds every burst error of up to 32 bits; not against malice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace omni::core {

// `before` is the checksum of the bytes that came before, so that crc32c(b, crc32c(a)) is that of a and b together.
uint32_t crc32c(std::span<const std::byte> bytes, uint32_t before = 0);

}  // namespace omni::core
