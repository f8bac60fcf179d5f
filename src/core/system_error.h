// errno as an Error.
#pragma once

#include <string>
#include <string_view>

#include "core/error.h"

namespace omni::core {

// "PATH: WHAT: no space left on device", with the code that errno asks for (kNotFound for a missing file, kInvalidArgument for an impossible
// name, else kMachine) and advice where there is some. Reads errno; call it first thing after the failure.
Error system_error(std::string_view what, const std::string& path);

}  // namespace omni::core
