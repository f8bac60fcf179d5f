// Names chosen by patterns: `*` stands for any characters, `?` for one, everything else for itself.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace omni::train {

bool glob_match(std::string_view pattern, std::string_view name);
bool matches_any(std::span<const std::string> patterns, std::string_view name);

// Throws Error (kInvalidArgument) with the nearest names for a pattern that matches none of `names`, each of which is `what` ("parameter").
void require_matches(std::span<const std::string> patterns, const std::vector<std::string>& names, std::string_view what, std::string_view where);

}  // namespace omni::train
