// Checkpoints, and what a training reads back from them. Sizes and checksums of the header and index are made right first, so that what lies behind
// them is reached.
#include <algorithm>
#include <cstring>
#include <vector>

#include "core/crc32c.h"
#include "core/error.h"
#include "train/trainer_checkpoint.h"

namespace {

constexpr size_t kHeader = 64;

template <class T>
void put(std::vector<std::byte>& bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

void seal(std::vector<std::byte>& bytes) {
  uint64_t index = 0;
  std::memcpy(&index, bytes.data() + 16, sizeof index);
  index = std::min<uint64_t>(index, bytes.size() - kHeader);
  std::memcpy(bytes.data(), "OMNICKPT\1\0\0\0\0\0\0\0", 16);
  put(bytes, 16, index);
  put(bytes, 24, static_cast<uint64_t>(bytes.size()));
  put(bytes, 32, omni::core::crc32c(std::span<const std::byte>(bytes).subspan(kHeader, static_cast<size_t>(index))));
  put(bytes, 36, omni::core::crc32c(std::span<const std::byte>(bytes).first(36)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(std::as_bytes(std::span(data, size)).begin(), std::as_bytes(std::span(data, size)).end());
  if (size > kHeader) seal(bytes);
  try {
    omni::runtime::Checkpoint checkpoint = omni::runtime::parse_checkpoint(bytes);
    omni::train::take_memory(checkpoint);
  } catch (const omni::Error&) {
  }
  return 0;
}
