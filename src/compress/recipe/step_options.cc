// Options of steps: from text and back.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include "compress/recipe/step.h"
#include "core/error.h"
#include "core/json_escape.h"

namespace omni::compress {

namespace {

constexpr size_t kMaxText = 300;  // bytes of a text, and entries of a list

[[noreturn]] void refuse(const StepOption& option, const std::string& expected, std::string_view found, std::string fix = {}) {
  throw Error(ErrorCode::kInvalidArgument, std::string(option.name) + ": expected " + expected + ", found " + quoted(found), {}, std::move(fix));
}

std::string limits(const StepOption& option, std::string_view unit) {
  return "from " + json_number(option.low) + std::string(unit) + " to " + json_number(option.high) + std::string(unit);
}

double parse_double(const StepOption& option, std::string_view text, std::string_view unit, const char* what) {
  double value = 0;
  const std::string_view digits = text.substr(0, text.size() - std::min(text.size(), text.ends_with(unit) ? unit.size() : 0));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool number = text.ends_with(unit) && error == std::errc{} && end == digits.data() + digits.size() && std::isfinite(value);
  if (!number || value < option.low || value > option.high) refuse(option, what + std::string(" ") + limits(option, unit), text);
  return value == 0 ? 0 : value;  // no negative zero
}

int64_t parse_count(const StepOption& option, std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool number = error == std::errc{} && end == text.data() + text.size();
  if (!number || static_cast<double>(value) < option.low || static_cast<double>(value) > option.high) {
    refuse(option, "a whole number " + limits(option, ""), text);
  }
  return value;
}

std::string parse_text(const StepOption& option, std::string_view text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 32 && c != 127; });
  if (!plain || text.size() > kMaxText || !is_utf8(text)) refuse(option, "one line of at most " + std::to_string(kMaxText) + " bytes of UTF-8", text);
  return std::string(text);
}

std::vector<std::string> split(std::string_view text, char mark) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t at = std::min(text.find(mark), text.size());
    words.emplace_back(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
  }
  return words;
}

}  // namespace

std::vector<std::string> choice_names(const StepOption& option) { return split(option.choices, '|'); }

OptionValue parse_option(const StepOption& option, std::string_view text) {
  switch (option.kind) {
    case OptionKind::kFlag:
      if (text != "true" && text != "false") refuse(option, "true or false", text);
      return text == "true";
    case OptionKind::kCount: return parse_count(option, text);
    case OptionKind::kNumber: return parse_double(option, text, "", "a number");
    case OptionKind::kShare: return parse_double(option, text, "%", "a share");
    case OptionKind::kChoice: {
      const std::vector<std::string> names = choice_names(option);
      if (std::find(names.begin(), names.end(), text) != names.end()) return std::string(text);
      std::string list;
      for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
      refuse(option, "one of " + list, text, did_you_mean(text, names));
    }
    case OptionKind::kText: return parse_text(option, text);
    case OptionKind::kList: break;
  }
  std::vector<std::string> texts = split(text, ',');
  for (std::string& entry : texts) entry = parse_text(option, entry);
  return texts;
}

std::string option_text(const StepOption& option, const OptionValue& value) {
  switch (option.kind) {
    case OptionKind::kFlag: return std::get<bool>(value) ? "true" : "false";
    case OptionKind::kCount: return std::to_string(std::get<int64_t>(value));
    case OptionKind::kNumber: return json_number(std::get<double>(value));
    case OptionKind::kShare: return json_number(std::get<double>(value)) + "%";
    case OptionKind::kChoice: return std::get<std::string>(value);
    case OptionKind::kText: return json_quoted(std::get<std::string>(value));
    case OptionKind::kList: break;
  }
  std::string text;
  for (const std::string& entry : std::get<std::vector<std::string>>(value)) text += (text.empty() ? "" : ", ") + json_quoted(entry);
  return "[" + text + "]";
}

StepOptions::StepOptions(const StepDef& step) : step_(&step) {
  for (const StepOption& o : step.options) values_.emplace(o.name, parse_option(o, o.fallback));
}

const StepOption& StepOptions::option(std::string_view name) const {
  std::vector<std::string> known;
  for (const StepOption& o : step_->options) {
    if (o.name == name) return o;
    known.emplace_back(o.name);
  }
  std::string fix = did_you_mean(name, known);
  if (fix.empty()) {
    for (const std::string& other : known) fix += (fix.empty() ? "it takes " : ", ") + other;
  }
  throw Error(ErrorCode::kInvalidArgument, std::string(step_->name) + " has no option " + quoted(name), {}, known.empty() ? "it takes none" : fix);
}

void StepOptions::set(std::string_view name, std::string_view text) {
  const StepOption& o = option(name);
  values_.insert_or_assign(std::string(o.name), parse_option(o, text));
}

void StepOptions::set_list(std::string_view name, std::vector<std::string> texts) {
  const StepOption& o = option(name);
  if (o.kind != OptionKind::kList) throw Error(ErrorCode::kInvalidArgument, std::string(o.name) + " takes no list");
  if (texts.size() > kMaxText) throw Error(ErrorCode::kInvalidArgument, std::string(o.name) + ": a list of more than " + std::to_string(kMaxText));
  for (std::string& entry : texts) entry = parse_text(o, entry);
  values_.insert_or_assign(std::string(o.name), std::move(texts));
}

const OptionValue& StepOptions::value(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw std::logic_error(std::string(step_->name) + " has no option " + std::string(name));
  return found->second;
}

}  // namespace omni::compress
