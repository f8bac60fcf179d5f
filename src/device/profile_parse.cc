// The only file that includes yaml-cpp. It is asked for nodes and their lines; what they may hold is decided here.
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/json_escape.h"
#include "core/mapped_file.h"
#include "device/profile.h"

namespace omni::device {

namespace {

constexpr size_t kMaxWords = 300;  // bytes of a description, a source, a processor's name
constexpr size_t kMaxName = 64;
constexpr Confidence kConfidences[] = {Confidence::kMeasured, Confidence::kPublished, Confidence::kEstimated};

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

class ProfileParser {
 public:
  explicit ProfileParser(const std::string& where) : where_(where) {}

  Profile parse(const YAML::Node& root) {
    const Entries entries = entries_of(root, "a profile", root_keys());
    const YAML::Node& format = require(entries, "format", root);
    if (const double version = number(format, "format"); version != kProfileFormat) {
      fail(format, "format is " + number_text(version) + ", this version reads " + std::to_string(kProfileFormat));
    }
    Profile profile;
    profile.name = profile_name(require(entries, "name", root));
    if (const YAML::Node* text = find(entries, "description")) profile.description = words(*text, "description");
    for (const NumberKey& key : number_keys()) {
      if (const YAML::Node* node = find(entries, key.key)) {
        profile.*key.member = figure(*node, key);
      } else if (key.required) {
        missing(key.key, root);
      }
    }
    for (const WordKey& key : word_keys()) {
      if (const YAML::Node* node = find(entries, key.key)) {
        profile.*key.member = fact(*node, key);
      } else if (key.required) {
        missing(key.key, root);
      }
    }
    check_isa(profile, entries);
    if (const YAML::Node* list = find(entries, "kernels")) profile.kernels = kernels(*list);
    return profile;
  }

 private:
  struct Entry {
    std::string key;
    YAML::Node value;
  };
  using Entries = std::vector<Entry>;

  static std::vector<std::string> root_keys() {
    std::vector<std::string> keys = {"format", "name", "description", "kernels"};
    for (const NumberKey& key : number_keys()) keys.emplace_back(key.key);
    for (const WordKey& key : word_keys()) keys.emplace_back(key.key);
    return keys;
  }

  [[noreturn]] void fail(const YAML::Node& node, std::string summary, std::string fix = {}) const {
    const int line = node.Mark().line;
    throw Error(ErrorCode::kInvalidData, std::move(summary), line < 0 ? where_ : where_ + ":" + std::to_string(line + 1), std::move(fix));
  }
  [[noreturn]] void missing(std::string_view key, const YAML::Node& in) const { fail(in, "the key " + std::string(key) + " is missing"); }

  // Each key once, and none that is not known.
  Entries entries_of(const YAML::Node& node, std::string_view what, const std::vector<std::string>& known) const {
    if (!node.IsMap()) fail(node, "expected " + std::string(what) + ": a mapping of keys to values, found " + kind(node));
    Entries entries;
    std::set<std::string> seen;
    for (const auto& pair : node) {
      if (!pair.first.IsScalar()) fail(node, "a key of " + std::string(what) + " is not a word");
      const std::string& key = pair.first.Scalar();
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        std::string fix = did_you_mean(key, known);
        if (fix.empty() && known.size() < 8) {
          fix = "it takes";
          for (const std::string& other : known) fix += (other == known.front() ? " " : ", ") + other;
        }
        fail(pair.first, "there is no key " + quoted(key) + " in " + std::string(what), fix);
      }
      if (!seen.insert(key).second) fail(pair.first, "the key " + key + " is there twice");
      entries.push_back({key, pair.second});
    }
    return entries;
  }

  static const YAML::Node* find(const Entries& entries, std::string_view key) {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.key == key; });
    return found == entries.end() ? nullptr : &found->value;
  }
  const YAML::Node& require(const Entries& entries, std::string_view key, const YAML::Node& in) const {
    if (const YAML::Node* node = find(entries, key)) return *node;
    missing(key, in);
  }

  static std::string kind(const YAML::Node& node) {
    if (node.IsMap()) return "a mapping";
    if (node.IsSequence()) return "a list";
    return node.IsScalar() ? quoted(node.Scalar()) : "nothing";
  }

  double number(const YAML::Node& node, std::string_view key) const {
    double value = 0;
    if (node.IsScalar()) {
      const std::string& text = node.Scalar();
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
      if (error == std::errc{} && end == text.data() + text.size() && std::isfinite(value)) return value;
    }
    fail(node, std::string(key) + ": expected a number, found " + kind(node));
  }

  // One line of printable text.
  std::string words(const YAML::Node& node, std::string_view key) const {
    if (!node.IsScalar()) fail(node, std::string(key) + ": expected text, found " + kind(node));
    const std::string& text = node.Scalar();
    const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 32 && c != 127; });
    if (text.empty() || text.size() > kMaxWords || !plain || !is_utf8(text)) {
      fail(node, std::string(key) + ": expected one line of 1 to " + std::to_string(kMaxWords) + " bytes of UTF-8, found " + quoted(text));
    }
    return text;
  }

  std::string profile_name(const YAML::Node& node) const {
    const std::string name = words(node, "name");
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    if (!plain || name.size() > kMaxName) {
      fail(node, "name: expected small letters, digits and _, at most " + std::to_string(kMaxName) + ", found " + quoted(name));
    }
    return name;
  }

  // {value: …, source: …, confidence: …}
  template <class T, class Read>
  Known<T> known(const YAML::Node& node, std::string_view key, Read&& read) const {
    const Entries entries = entries_of(node, key, {"value", "source", "confidence"});
    Known<T> result;
    result.value = read(require(entries, "value", node));
    result.source = words(require(entries, "source", node), "source");
    const YAML::Node& confidence = require(entries, "confidence", node);
    const std::string name = words(confidence, "confidence");
    std::vector<std::string> names;
    for (const Confidence c : kConfidences) {
      names.emplace_back(confidence_name(c));
      if (name != names.back()) continue;
      result.confidence = c;
      return result;
    }
    fail(confidence, "confidence: expected measured, published or estimated, found " + quoted(name), did_you_mean(name, names));
  }

  Figure figure(const YAML::Node& node, const NumberKey& key) const {
    return known<double>(node, key.key, [&](const YAML::Node& at) {
      const double value = number(at, key.key);
      if (value < key.low || value > key.high || (key.whole && value != std::floor(value))) {
        const std::string unit = key.unit.empty() ? "" : " " + std::string(key.unit);
        fail(at, std::string(key.key) + ": expected " + (key.whole ? "a whole number" : "a number") + " from " + number_text(key.low) + " to " +
                     number_text(key.high) + unit + ", found " + number_text(value));
      }
      return value;
    });
  }

  Fact fact(const YAML::Node& node, const WordKey& key) const {
    return known<std::string>(node, key.key, [&](const YAML::Node& at) { return words(at, key.key); });
  }

  double positive(const Entries& entries, std::string_view key, const YAML::Node& in) const {
    const YAML::Node& node = require(entries, key, in);
    const double value = number(node, key);
    if (value < 0 || value > 1e18) fail(node, std::string(key) + ": expected a number from 0 to 1e18, found " + number_text(value));
    return value;
  }

  KernelSample kernel(const YAML::Node& node) const {
    const Entries entries = entries_of(node, "a kernel", {"op", "type", "threads", "operations", "bytes", "elements", "microseconds"});
    KernelSample sample;
    sample.op = words(require(entries, "op", node), "op");
    const YAML::Node& type = require(entries, "type", node);
    const std::string name = words(type, "type");
    if (name != "f32" && name != "int8") fail(type, "type: expected f32 or int8, found " + quoted(name));
    sample.integer = name == "int8";
    const YAML::Node& threads = require(entries, "threads", node);
    const double count = number(threads, "threads");
    if (!(count >= 1 && count <= 1024 && count == std::floor(count))) {
      fail(threads, "threads: expected a whole number from 1 to 1024, found " + number_text(count));
    }
    sample.threads = static_cast<int>(count);
    sample.operations = positive(entries, "operations", node);
    sample.bytes = positive(entries, "bytes", node);
    sample.elements = positive(entries, "elements", node);
    sample.microseconds = positive(entries, "microseconds", node);
    return sample;
  }

  std::vector<KernelSample> kernels(const YAML::Node& node) const {
    if (!node.IsSequence()) fail(node, "kernels: expected a list, found " + kind(node));
    if (node.size() > kMaxKernels) fail(node, "kernels: expected at most " + std::to_string(kMaxKernels) + ", found " + std::to_string(node.size()));
    std::vector<KernelSample> samples;
    for (const YAML::Node& entry : node) samples.push_back(kernel(entry));
    return samples;
  }

  void check_isa(const Profile& profile, const Entries& entries) const {
    if (parse_isa(profile.isa->value)) return;
    const std::vector<std::string> names = {"scalar", "avx2", "avx512", "avx512vnni", "neon", "dotprod", "i8mm"};
    fail(*find(entries, "isa"), "isa: there is no instruction set " + quoted(profile.isa->value), did_you_mean(profile.isa->value, names));
  }

  const std::string& where_;
};

}  // namespace

Profile parse_profile(std::string_view text, const std::string& where) {
  if (text.size() > kMaxProfileBytes) throw Error(ErrorCode::kInvalidData, "a profile of more than 1 MB", where);
  try {
    return ProfileParser(where).parse(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    const std::string line = error.mark.is_null() ? "" : ":" + std::to_string(error.mark.line + 1);
    throw Error(ErrorCode::kInvalidData, "no YAML: " + error.msg, where + line);
  }
}

Profile load_profile(const std::string& path) { return parse_profile(read_text_file(path, kMaxProfileBytes), path); }

}  // namespace omni::device
