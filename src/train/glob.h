// Names chosen by patterns: `*` stands for any characters, `?` for one, everything else for itself.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace omni::train {

bool glob_match(std::string_view pattern, std::string_view name);
bool matches_any(std::span<const std::string> patterns, std::string_view name);

}  // namespace omni::train
