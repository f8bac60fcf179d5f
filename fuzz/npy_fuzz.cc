// NPY files: a mapped one (may be viewed in place) and one in memory (copied) must give the same tensor.
#include <cstdlib>

#include "core/error.h"
#include "formats/dataset/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const omni::core::Tensor viewed = omni::formats::parse_npy(bytes, std::make_shared<int>(0), "input");
    if (!viewed.equal(omni::formats::parse_npy(bytes, nullptr, "input"))) std::abort();
  } catch (const omni::Error&) {
  }
  return 0;
}
