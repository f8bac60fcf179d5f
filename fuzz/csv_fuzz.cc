// CSV tables. The first byte picks the options, the rest is the file.
#include "core/error.h"
#include "formats/dataset/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr std::string_view kLabels[] = {"", "none", "1", "y"};
  constexpr omni::formats::TargetKind kKinds[] = {omni::formats::TargetKind::kAuto, omni::formats::TargetKind::kLabel, omni::formats::TargetKind::kValue};
  try {
    omni::formats::parse_csv({reinterpret_cast<const char*>(data) + 1, size - 1}, kLabels[data[0] % 4], kKinds[data[0] / 4 % 3], "input");
  } catch (const omni::Error&) {
  }
  return 0;
}
