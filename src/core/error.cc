#include "core/error.h"

#include <algorithm>
#include <cstdio>
#include <numeric>

namespace omni {

namespace {

std::string message(const std::string& summary, const std::string& where, const std::string& fix) {
  std::string text;
  if (!where.empty()) text += where + ": ";
  text += summary;
  if (!fix.empty()) text += "; " + fix;
  return text;
}

}  // namespace

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument: return "invalid_argument";
    case ErrorCode::kInvalidData: return "invalid_data";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kNotFound: return "not_found";
    case ErrorCode::kExists: return "exists";
    case ErrorCode::kMachine: return "machine";
    case ErrorCode::kInterrupted: return "interrupted";
    case ErrorCode::kInternal: return "internal";
  }
  return "internal";
}

Error::Error(ErrorCode code, std::string summary, std::string where, std::string fix)
    : std::runtime_error(message(summary, where, fix)),
      code_(code),
      summary_(std::move(summary)),
      where_(std::move(where)),
      fix_(std::move(fix)) {}

Error Error::within(std::string_view outer) const {
  std::string where(outer);
  if (!where_.empty()) where += ", " + where_;
  return Error(code_, summary_, where, fix_);
}

namespace core {

namespace {

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t substitute = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, substitute});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> nearest_names(std::string_view word, std::span<const std::string> known) {
  const size_t limit = std::max<size_t>(1, word.size() / 3);
  std::vector<std::pair<size_t, std::string>> found;
  for (const std::string& name : known) {
    const size_t distance = edit_distance(word, name);
    const bool extends = word.size() >= 3 && name.starts_with(word);
    if (distance <= limit || extends) found.emplace_back(extends ? 0 : distance, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (size_t i = 0; i < found.size() && i < 3; ++i) names.push_back(found[i].second);
  return names;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  const std::vector<std::string> names = nearest_names(word, known);
  if (names.empty()) return "";
  std::string text = "did you mean " + names[0];
  for (size_t i = 1; i < names.size(); ++i) text += (i + 1 == names.size() ? " or " : ", ") + names[i];
  return text + "?";
}

std::string quoted(std::string_view text) {
  constexpr size_t kLimit = 80;
  std::string out = "\"";
  for (size_t i = 0; i < text.size() && i < kLimit; ++i) {
    const unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c < 0x20 || c >= 0x7f) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", c);
      out += hex;
    } else {
      out += static_cast<char>(c);
    }
  }
  if (text.size() > kLimit) out += "…";
  return out + "\"";
}

}  // namespace core
}  // namespace omni
