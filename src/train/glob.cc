#include "train/glob.h"

#include <algorithm>

#include "core/error.h"

namespace omni::train {

bool glob_match(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool matches_any(std::span<const std::string> patterns, std::string_view name) {
  for (const std::string& pattern : patterns) {
    if (glob_match(pattern, name)) return true;
  }
  return false;
}

void require_matches(std::span<const std::string> patterns, const std::vector<std::string>& names, std::string_view what, std::string_view where) {
  for (const std::string& pattern : patterns) {
    if (std::any_of(names.begin(), names.end(), [&](const std::string& name) { return glob_match(pattern, name); })) continue;
    const std::string near = core::did_you_mean(pattern, names);
    throw Error(ErrorCode::kInvalidArgument, core::quoted(pattern) + " matches no " + std::string(what), std::string(where),
                      near.empty() ? "`omni inspect` lists them" : near);
  }
}

}  // namespace omni::train
