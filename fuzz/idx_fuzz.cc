// IDX files, gzipped or not.
#include "core/error.h"
#include "formats/dataset/idx.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    omni::formats::parse_idx(std::as_bytes(std::span(data, size)), "input");
  } catch (const omni::Error&) {
  }
  return 0;
}
