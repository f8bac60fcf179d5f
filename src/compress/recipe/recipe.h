// A recipe: steps in order, as a YAML file says them.
//
// A file is refused whole, with line, key and what was expected. canonical_text() is what a recipe does, with every option said: the same text means
// the same result for the same model, data, seed, version and instruction set. It is what a candidate is identified by and what a package keeps.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compress/recipe/step.h"

namespace omni::compress {

inline constexpr int kRecipeFormat = 1;
inline constexpr size_t kMaxRecipeBytes = 1 << 20, kMaxSteps = 256;

struct RecipeStep {
  explicit RecipeStep(const StepDef& def) : step(&def), options(def) {}

  const StepDef* step;
  StepOptions options;
  bool required = false;  // applied even where it pays in nothing
  bool operator==(const RecipeStep&) const = default;
};

// Where the latency that decisions read comes from.
enum class Decide : uint8_t {
  kHost,   // measured on this machine, before and after in turns
  kModel,  // the predictor of a device profile: whole runs repeat byte for byte
  kNone,   // nothing is measured and every step is applied
};
std::string_view decide_name(Decide decide);
// Throws Error (kInvalidArgument) with the nearest names.
Decide parse_decide(std::string_view name);

struct Recipe {
  std::string name, description;  // may be empty; not part of the canonical text
  Decide decide = Decide::kHost;
  std::optional<double> max_accuracy_loss;  // in percent of the samples, against the model given: a step beyond it is not applied
  std::vector<RecipeStep> steps;            // one or more
  bool operator==(const Recipe&) const = default;
};

// `where` names the text in messages. Throws Error (kInvalidData): "r.yaml:7: …".
Recipe parse_recipe(std::string_view text, const std::string& where);
// Throws Error where options of a step do not go together, as parse_recipe does.
void check(const Recipe& recipe);

std::string canonical_text(const Recipe& recipe);
// With name and description; parse_recipe reads it back as the same recipe.
std::string recipe_text(const Recipe& recipe);

// Recipes that come with omni, by name.
const std::vector<Recipe>& shipped_recipes();
// The recipe files put together by the build: before each a line "--- # FILE".
std::string_view shipped_recipe_text();
// By name, or from a file where `name` has a slash or ends in .yaml. Throws Error: kNotFound with the nearest names, or what the file is refused for.
Recipe find_recipe(std::string_view name);

}  // namespace omni::compress
