// Packages. Checksums are made right first: a fuzzer cannot find them, and what lies behind them is what we want to reach.
#include <cstring>
#include <vector>

#include "core/crc32c.h"
#include "core/error.h"
#include "formats/package/package.h"
#include "formats/package/package_layout.h"
#include "ops/op_list.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(std::as_bytes(std::span(data, size)).begin(), std::as_bytes(std::span(data, size)).end());
  if (size > omni::formats::kHeaderBytes) {
    omni::formats::PackageHeader header;
    header.version = 1;
    std::memcpy(&header.index_size, bytes.data() + 16, sizeof header.index_size);
    header.index_size = std::min<uint64_t>(header.index_size, size - omni::formats::kHeaderBytes);
    header.sections_at = omni::formats::align_section(omni::formats::kHeaderBytes + header.index_size);
    header.file_size = size;
    header.index_crc = omni::core::crc32c(std::span<const std::byte>(bytes).subspan(omni::formats::kHeaderBytes, static_cast<size_t>(header.index_size)));
    const auto sealed = omni::formats::header_bytes(header);
    std::memcpy(bytes.data(), sealed.data(), sealed.size());
  }
  try {
    const omni::formats::Package package = omni::formats::parse_package(bytes, nullptr, omni::ops::find_op, "input");
    for (const auto& graph : package.graphs) omni::graph::print(*graph);
    omni::formats::verify_package(bytes, omni::ops::find_op, "input");
  } catch (const omni::Error&) {
  }
  return 0;
}
