// A profile as the YAML that is read back as the same.
#include "core/json_escape.h"
#include "device/profile.h"

namespace omni::device {

namespace {

// Strings of JSON are strings of YAML.
template <class T>
std::string line(std::string_view key, const std::string& value, const Known<T>& known) {
  return std::string(key) + ": {value: " + value + ", source: " + json_quoted(known.source) +
         ", confidence: " + std::string(confidence_name(known.confidence)) + "}\n";
}

}  // namespace

std::string profile_text(const Profile& profile) {
  std::string text = "format: " + std::to_string(kProfileFormat) + "\nname: " + profile.name + "\n";
  if (!profile.description.empty()) text += "description: " + json_quoted(profile.description) + "\n";
  for (const WordKey& key : word_keys()) {
    if (const std::optional<Fact>& fact = profile.*key.member) text += line(key.key, json_quoted(fact->value), *fact);
  }
  for (const NumberKey& key : number_keys()) {
    if (const std::optional<Figure>& figure = profile.*key.member) text += line(key.key, json_number(figure->value), *figure);
  }
  if (!profile.kernels.empty()) text += "kernels:\n";
  for (const KernelSample& k : profile.kernels) {
    text += "  - {kind: " + json_quoted(k.work.kind) + ", type: " + (k.work.integer ? "int8" : "f32") + ", threads: " + std::to_string(k.threads);
    for (const auto& [key, member] : kWorkKeys) text += ", " + std::string(key) + ": " + json_number(k.work.*member);
    text += ", microseconds: " + json_number(k.microseconds) + "}\n";
  }
  return text;
}

}  // namespace omni::device
