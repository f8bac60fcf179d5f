// Error (public) and the words around it: nearest names, quoting.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "omni/error.h"

namespace omni::core {

// The names of `known` that a person may have meant by `word` (edit distance at most a third of its length), nearest first, three at most.
std::vector<std::string> nearest_names(std::string_view word, std::span<const std::string> known);

// "did you mean a, b or c?" or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

// `text` in double quotes with control characters and bytes outside ASCII escaped, cut at 80 characters: safe to print whatever a file held.
std::string quoted(std::string_view text);

}  // namespace omni::core
