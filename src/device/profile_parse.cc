// What the keys of a profile may hold.
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/mapped_file.h"
#include "device/profile.h"
#include "formats/yaml/yaml.h"

namespace omni::device {

namespace {

using formats::YamlNode;

constexpr Confidence kConfidences[] = {Confidence::kMeasured, Confidence::kPublished, Confidence::kEstimated};

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

class ProfileParser : formats::YamlReader {
 public:
  explicit ProfileParser(const std::string& where) : YamlReader(where) {}

  Profile parse(const YamlNode& root) {
    check_keys(root, "a profile", root_keys());
    const YamlNode& format = require(root, "format");
    if (const double version = number(format, "format"); version != kProfileFormat) {
      fail(format, "format is " + number_text(version) + ", this version reads " + std::to_string(kProfileFormat));
    }
    Profile profile;
    profile.name = name(require(root, "name"), "name", "_");
    if (const YamlNode* text = root.find("description")) profile.description = words(*text, "description");
    for (const NumberKey& key : number_keys()) {
      if (const YamlNode* node = root.find(key.key)) {
        profile.*key.member = figure(*node, key);
      } else if (key.required) {
        require(root, key.key);
      }
    }
    for (const WordKey& key : word_keys()) {
      if (const YamlNode* node = root.find(key.key)) {
        profile.*key.member = fact(*node, key);
      } else if (key.required) {
        require(root, key.key);
      }
    }
    check_isa(profile, root);
    if (const YamlNode* list = root.find("kernels")) profile.kernels = kernels(*list);
    return profile;
  }

 private:
  static std::vector<std::string> root_keys() {
    std::vector<std::string> keys = {"format", "name", "description", "kernels"};
    for (const NumberKey& key : number_keys()) keys.emplace_back(key.key);
    for (const WordKey& key : word_keys()) keys.emplace_back(key.key);
    return keys;
  }

  // {value: …, source: …, confidence: …}
  template <class T, class Read>
  Known<T> known(const YamlNode& node, std::string_view key, Read&& read) const {
    check_keys(node, key, {"value", "source", "confidence"});
    Known<T> result;
    result.value = read(require(node, "value"));
    result.source = words(require(node, "source"), "source");
    const YamlNode& confidence = require(node, "confidence");
    const std::string word = words(confidence, "confidence");
    std::vector<std::string> names;
    for (const Confidence c : kConfidences) {
      names.emplace_back(confidence_name(c));
      if (word != names.back()) continue;
      result.confidence = c;
      return result;
    }
    fail(confidence, "confidence: expected measured, published or estimated, found " + quoted(word), did_you_mean(word, names));
  }

  Figure figure(const YamlNode& node, const NumberKey& key) const {
    return known<double>(node, key.key, [&](const YamlNode& at) {
      const double value = number(at, key.key);
      if (value < key.low || value > key.high || (key.whole && value != std::floor(value))) {
        const std::string unit = key.unit.empty() ? "" : " " + std::string(key.unit);
        fail(at, std::string(key.key) + ": expected " + (key.whole ? "a whole number" : "a number") + " from " + number_text(key.low) + " to " +
                     number_text(key.high) + unit + ", found " + number_text(value));
      }
      return value;
    });
  }

  Fact fact(const YamlNode& node, const WordKey& key) const {
    return known<std::string>(node, key.key, [&](const YamlNode& at) { return words(at, key.key); });
  }

  double positive(const YamlNode& in, std::string_view key) const {
    const YamlNode& node = require(in, key);
    const double value = number(node, key);
    if (value < 0 || value > 1e18) fail(node, std::string(key) + ": expected a number from 0 to 1e18, found " + number_text(value));
    return value;
  }

  KernelSample kernel(const YamlNode& node) const {
    std::vector<std::string> keys = {"kind", "type", "threads", "microseconds"};
    for (const auto& [key, member] : kWorkKeys) keys.emplace_back(key);
    check_keys(node, "a kernel", keys);
    KernelSample sample;
    sample.work.kind = words(require(node, "kind"), "kind");
    const YamlNode& type = require(node, "type");
    const std::string element = words(type, "type");
    if (element != "f32" && element != "int8") fail(type, "type: expected f32 or int8, found " + quoted(element));
    sample.work.integer = element == "int8";
    const YamlNode& threads = require(node, "threads");
    const double count = number(threads, "threads");
    if (!(count >= 1 && count <= 1024 && count == std::floor(count))) {
      fail(threads, "threads: expected a whole number from 1 to 1024, found " + number_text(count));
    }
    sample.threads = static_cast<int>(count);
    for (const auto& [key, member] : kWorkKeys) sample.work.*member = positive(node, key);
    sample.microseconds = positive(node, "microseconds");
    return sample;
  }

  std::vector<KernelSample> kernels(const YamlNode& node) const {
    if (node.kind != YamlNode::Kind::kList) fail(node, "kernels: expected a list, found " + kind(node));
    if (node.items.size() > kMaxKernels) {
      fail(node, "kernels: expected at most " + std::to_string(kMaxKernels) + ", found " + std::to_string(node.items.size()));
    }
    std::vector<KernelSample> samples;
    for (const YamlNode& entry : node.items) samples.push_back(kernel(entry));
    return samples;
  }

  void check_isa(const Profile& profile, const YamlNode& root) const {
    if (parse_isa(profile.isa->value)) return;
    const std::vector<std::string> names = {"scalar", "avx2", "avx512", "avx512vnni", "neon", "dotprod", "i8mm"};
    fail(*root.find("isa"), "isa: there is no instruction set " + quoted(profile.isa->value), did_you_mean(profile.isa->value, names));
  }
};

}  // namespace

Profile parse_profile(std::string_view text, const std::string& where) {
  if (text.size() > kMaxProfileBytes) throw Error(ErrorCode::kInvalidData, "a profile of more than 1 MB", where);
  return ProfileParser(where).parse(formats::parse_yaml(text, where));
}

Profile load_profile(const std::string& path) { return parse_profile(read_text_file(path, kMaxProfileBytes), path); }

}  // namespace omni::device
