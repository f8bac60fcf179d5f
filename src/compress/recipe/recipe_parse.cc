// From YAML to a recipe.
#include "compress/recipe/recipe.h"
#include "core/error.h"
#include "formats/yaml/yaml.h"

namespace omni::compress {

namespace {

using formats::YamlEntry;
using formats::YamlNode;

constexpr StepOption kAccuracyLoss = {.name = "max_accuracy_loss", .help = "", .kind = OptionKind::kShare, .fallback = "100%", .high = 100};

class RecipeParser : formats::YamlReader {
  // What is wrong with a value is said with the line it stands in.
  template <class Read>
  auto at_line(const YamlNode& node, Read&& read) const {
    try {
      return read();
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInvalidData) throw;
      fail(node, error.summary(), error.fix());
    }
  }

 public:
  explicit RecipeParser(const std::string& where) : YamlReader(where) {}

  Recipe parse(const YamlNode& root) const {
    check_keys(root, "a recipe", {"format", "name", "description", "decide", "max_accuracy_loss", "steps"});
    const YamlNode& format = require(root, "format");
    if (const double version = number(format, "format"); version != kRecipeFormat) {
      fail(format, "format is " + quoted(format.word) + ", this version reads " + std::to_string(kRecipeFormat));
    }
    Recipe recipe;
    if (const YamlNode* node = root.find("name")) recipe.name = name(*node, "name", "-_");
    if (const YamlNode* node = root.find("description")) recipe.description = words(*node, "description");
    if (const YamlNode* node = root.find("decide")) recipe.decide = at_line(*node, [&] { return parse_decide(words(*node, "decide")); });
    if (const YamlNode* node = root.find("max_accuracy_loss")) {
      recipe.max_accuracy_loss = std::get<double>(at_line(*node, [&] { return parse_option(kAccuracyLoss, words(*node, "max_accuracy_loss")); }));
    }
    const YamlNode& steps = require(root, "steps");
    if (steps.kind != YamlNode::Kind::kList || steps.items.empty() || steps.items.size() > kMaxSteps) {
      fail(steps, "steps: expected a list of 1 to " + std::to_string(kMaxSteps) + " steps, found " + (steps.items.empty() ? kind(steps) : "more"));
    }
    for (const YamlNode& node : steps.items) recipe.steps.push_back(step(node));
    return recipe;
  }

 private:
  RecipeStep step(const YamlNode& node) const {
    if (node.kind != YamlNode::Kind::kMap) fail(node, "expected a step: a mapping with the key method, found " + kind(node));
    const YamlNode& method = require(node, "method");
    const StepDef& def = *at_line(method, [&] { return &find_step(words(method, "method")); });
    std::vector<std::string> known = {"method", "required"};
    for (const StepOption& option : def.options) known.emplace_back(option.name);
    check_keys(node, def.name, known);
    RecipeStep result(def);
    for (const YamlEntry& entry : node.entries) {
      if (entry.key == "method") continue;
      if (entry.key == "required") {
        result.required = flag(entry.value, "required");
      } else {
        at_line(entry.value, [&] { return set(result.options, entry), 0; });
      }
    }
    if (def.check != nullptr) at_line(node, [&] { return def.check(result.options), 0; });
    return result;
  }

  bool flag(const YamlNode& node, std::string_view key) const {
    if (node.word == "true" || node.word == "false") return node.word == "true";
    fail(node, std::string(key) + ": expected true or false, found " + kind(node));
  }

  void set(StepOptions& options, const YamlEntry& entry) const {
    if (entry.value.kind == YamlNode::Kind::kWord) return options.set(entry.key, entry.value.word);
    if (entry.value.kind != YamlNode::Kind::kList) fail(entry.value, entry.key + ": expected a value, found " + kind(entry.value));
    std::vector<std::string> texts;
    for (const YamlNode& item : entry.value.items) texts.push_back(words(item, entry.key));
    options.set_list(entry.key, std::move(texts));
  }
};

}  // namespace

std::string_view decide_name(Decide decide) { return decide == Decide::kHost ? "host" : decide == Decide::kModel ? "model" : "none"; }

Decide parse_decide(std::string_view name) {
  std::vector<std::string> names;
  for (const Decide d : {Decide::kHost, Decide::kModel, Decide::kNone}) {
    if (name == decide_name(d)) return d;
    names.emplace_back(decide_name(d));
  }
  throw Error(ErrorCode::kInvalidArgument, "decide: expected host, model or none, found " + quoted(name), {}, did_you_mean(name, names));
}

Recipe parse_recipe(std::string_view text, const std::string& where) {
  if (text.size() > kMaxRecipeBytes) throw Error(ErrorCode::kInvalidData, "a recipe of more than 1 MB", where);
  return RecipeParser(where).parse(formats::parse_yaml(text, where));
}

void check(const Recipe& recipe) {
  if (recipe.steps.empty()) throw Error(ErrorCode::kInvalidArgument, "there are no steps", "recipe");
  for (const RecipeStep& step : recipe.steps) {
    if (step.step->check != nullptr) step.step->check(step.options);
  }
}

}  // namespace omni::compress
