// Device profiles. What is accepted is written and read back as the same.
#include <cstdlib>

#include "core/error.h"
#include "device/profile.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  omni::device::Profile profile;
  try {
    profile = omni::device::parse_profile({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const omni::Error&) {
    return 0;
  }
  if (!(omni::device::parse_profile(omni::device::profile_text(profile), "text") == profile)) std::abort();
  return 0;
}
