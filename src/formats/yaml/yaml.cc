// The only file that includes yaml-cpp. It is asked for nodes and their lines; what they may hold is decided by the readers.
#include "formats/yaml/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/json_escape.h"

namespace omni::formats {

using namespace core;

namespace {

// Far above what a profile with 4,096 kernels has; aliases of aliases reach it soon.
constexpr size_t kMaxNodes = 200'000;
constexpr int kMaxDepth = 32;

class Converter {
 public:
  explicit Converter(const std::string& where) : where_(where) {}

  YamlNode convert(const YAML::Node& node, int depth) {
    YamlNode out;
    out.line = node.Mark().is_null() ? 0 : node.Mark().line + 1;
    if (++count_ > kMaxNodes || depth > kMaxDepth) {
      throw Error(ErrorCode::kInvalidData, "has more or deeper nested entries than any file of ours", where_ + ":" + std::to_string(out.line));
    }
    if (node.IsScalar()) {
      out.kind = YamlNode::Kind::kWord;
      out.word = node.Scalar();
    } else if (node.IsSequence()) {
      out.kind = YamlNode::Kind::kList;
      for (const YAML::Node& item : node) out.items.push_back(convert(item, depth + 1));
    } else if (node.IsMap()) {
      out.kind = YamlNode::Kind::kMap;
      for (const auto& pair : node) out.entries.push_back(entry(pair.first, pair.second, depth));
    }
    return out;
  }

 private:
  YamlEntry entry(const YAML::Node& key, const YAML::Node& value, int depth) {
    const int line = key.Mark().is_null() ? 0 : key.Mark().line + 1;
    if (!key.IsScalar()) throw Error(ErrorCode::kInvalidData, "a key is not a word", where_ + ":" + std::to_string(line));
    return {key.Scalar(), line, convert(value, depth + 1)};
  }

  const std::string& where_;
  size_t count_ = 0;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const YamlEntry& e) { return e.key == key; });
  return found == entries.end() ? nullptr : &found->value;
}

YamlNode parse_yaml(std::string_view text, const std::string& where) {
  try {
    return Converter(where).convert(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& error) {
    const std::string line = error.mark.is_null() ? "" : ":" + std::to_string(error.mark.line + 1);
    throw Error(ErrorCode::kInvalidData, "no YAML: " + error.msg, where + line);
  }
}

std::vector<ShippedFile> split_shipped(std::string_view text) {
  constexpr std::string_view kMark = "--- # ";  // no line of a file begins like it
  std::vector<ShippedFile> files;
  while (text.starts_with(kMark)) {
    const size_t line = text.find('\n');
    const std::string name(text.substr(kMark.size(), line - kMark.size()));
    text.remove_prefix(line + 1);
    const size_t next = text.starts_with(kMark) ? 0 : text.find("\n" + std::string(kMark));
    const size_t end = next == std::string_view::npos ? text.size() : next + (text.starts_with(kMark) ? 0 : 1);
    files.push_back({name, text.substr(0, end)});
    text.remove_prefix(end);
  }
  return files;
}

void YamlReader::fail_at(int line, std::string summary, std::string fix) const {
  throw Error(ErrorCode::kInvalidData, std::move(summary), line == 0 ? where_ : where_ + ":" + std::to_string(line), std::move(fix));
}

void YamlReader::check_keys(const YamlNode& node, std::string_view what, const std::vector<std::string>& known) const {
  if (node.kind != YamlNode::Kind::kMap) fail(node, "expected " + std::string(what) + ": a mapping of keys to values, found " + kind(node));
  std::set<std::string_view> seen;
  for (const YamlEntry& entry : node.entries) {
    if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
      std::string fix = did_you_mean(entry.key, known);
      if (fix.empty() && known.size() < 8) {
        fix = "it takes";
        for (const std::string& other : known) fix += (other == known.front() ? " " : ", ") + other;
      }
      fail_at(entry.line, "there is no key " + quoted(entry.key) + " in " + std::string(what), fix);
    }
    if (!seen.insert(entry.key).second) fail_at(entry.line, "the key " + entry.key + " is there twice");
  }
}

const YamlNode& YamlReader::require(const YamlNode& node, std::string_view key) const {
  if (const YamlNode* found = node.find(key)) return *found;
  fail(node, "the key " + std::string(key) + " is missing");
}

std::string YamlReader::kind(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kMap: return "a mapping";
    case YamlNode::Kind::kList: return "a list";
    case YamlNode::Kind::kWord: return quoted(node.word);
    case YamlNode::Kind::kNothing: break;
  }
  return "nothing";
}

double YamlReader::number(const YamlNode& node, std::string_view key) const {
  double value = 0;
  const auto [end, error] = std::from_chars(node.word.data(), node.word.data() + node.word.size(), value);
  if (node.kind == YamlNode::Kind::kWord && error == std::errc{} && end == node.word.data() + node.word.size() && std::isfinite(value)) return value;
  fail(node, std::string(key) + ": expected a number, found " + kind(node));
}

std::string YamlReader::words(const YamlNode& node, std::string_view key) const {
  if (node.kind != YamlNode::Kind::kWord) fail(node, std::string(key) + ": expected text, found " + kind(node));
  const bool plain = std::all_of(node.word.begin(), node.word.end(), [](char c) { return static_cast<unsigned char>(c) >= 32 && c != 127; });
  if (node.word.empty() || node.word.size() > kMaxWords || !plain || !is_utf8(node.word)) {
    fail(node, std::string(key) + ": expected one line of 1 to " + std::to_string(kMaxWords) + " bytes of UTF-8, found " + quoted(node.word));
  }
  return node.word;
}

std::string YamlReader::name(const YamlNode& node, std::string_view key, std::string_view others) const {
  const std::string text = words(node, key);
  const bool plain = std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
  });
  if (plain && text.size() <= kMaxName) return text;
  fail(node, std::string(key) + ": expected small letters, digits and " + std::string(others) + ", at most " + std::to_string(kMaxName) + ", found " + quoted(text));
}

}  // namespace omni::formats
