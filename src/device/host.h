// The machine at hand as a profile, as far as the system says without measuring.
#pragma once

#include <string_view>

#include "device/profile.h"

namespace omni::device {

// Its name; a probe's profile of that name takes its place.
inline constexpr std::string_view kThisDevice = "this";

Profile host_profile();

}  // namespace omni::device
