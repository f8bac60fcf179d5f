// YAML as our files use it: mappings, lists and words, each with its line, and the complaints that every reader of them makes.
//
// Aliases are expanded within a bound on nodes; nothing is executed and no tag means anything. What the words may be is the reader's to decide: an
// unknown key is refused with the nearest ones, and every message has file and line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace omni::formats {

struct YamlEntry;

struct YamlNode {
  enum class Kind : uint8_t { kNothing, kWord, kList, kMap };
  Kind kind = Kind::kNothing;
  int line = 0;      // from 1; 0 where the file does not tell
  std::string word;  // kWord
  std::vector<YamlNode> items;
  std::vector<YamlEntry> entries;  // in the order of the file

  // The value of a key of a mapping, or nullptr.
  const YamlNode* find(std::string_view key) const;
};

struct YamlEntry {
  std::string key;
  int line = 0;
  YamlNode value;
};

// `where` names the text in messages: a path. Throws Error (kInvalidData): "pi.yaml:7: …".
YamlNode parse_yaml(std::string_view text, const std::string& where);

// Files that the build put together (cmake/shipped.cmake).
struct ShippedFile {
  std::string name;
  std::string_view text;
};
std::vector<ShippedFile> split_shipped(std::string_view text);

class YamlReader {
 public:
  explicit YamlReader(std::string where) : where_(std::move(where)) {}

  // Throw Error (kInvalidData) with file and line.
  [[noreturn]] void fail(const YamlNode& at, std::string summary, std::string fix = {}) const { fail_at(at.line, std::move(summary), std::move(fix)); }
  [[noreturn]] void fail_at(int line, std::string summary, std::string fix = {}) const;
  // A mapping that has each key once, and none that is not known.
  void check_keys(const YamlNode& node, std::string_view what, const std::vector<std::string>& known) const;
  const YamlNode& require(const YamlNode& node, std::string_view key) const;
  // What was found instead, for messages: "a list", "\"abc\"".
  static std::string kind(const YamlNode& node);
  // Finite, of any sign.
  double number(const YamlNode& node, std::string_view key) const;
  // One line of 1 to kMaxWords bytes of printable UTF-8.
  std::string words(const YamlNode& node, std::string_view key) const;
  // Small letters, digits and `others`, at most kMaxName bytes.
  std::string name(const YamlNode& node, std::string_view key, std::string_view others) const;

  static constexpr size_t kMaxWords = 300, kMaxName = 64;

 private:
  std::string where_;
};

}  // namespace omni::formats
