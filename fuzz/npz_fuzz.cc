// NPZ archives.
#include "core/error.h"
#include "formats/dataset/npz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    omni::formats::parse_npz(std::as_bytes(std::span(data, size)), nullptr, "input");
  } catch (const omni::Error&) {
  }
  return 0;
}
