// From a recipe to YAML.
#include "compress/recipe/recipe.h"
#include "core/json_escape.h"

namespace omni::compress {

namespace {

std::string text_of(const Recipe& recipe, bool whole) {
  std::string text = "format: " + std::to_string(kRecipeFormat) + "\n";
  if (whole && !recipe.name.empty()) text += "name: " + json_quoted(recipe.name) + "\n";
  if (whole && !recipe.description.empty()) text += "description: " + json_quoted(recipe.description) + "\n";
  text += "decide: " + std::string(decide_name(recipe.decide)) + "\n";
  if (recipe.max_accuracy_loss) text += "max_accuracy_loss: " + json_number(*recipe.max_accuracy_loss) + "%\n";
  text += "steps:\n";
  for (const RecipeStep& step : recipe.steps) {
    text += "  - method: " + std::string(step.step->name) + "\n";
    for (const StepOption& option : step.step->options) {
      text += "    " + std::string(option.name) + ": " + option_text(option, step.options.value(option.name)) + "\n";
    }
    if (step.required) text += "    required: true\n";
  }
  return text;
}

}  // namespace

std::string canonical_text(const Recipe& recipe) { return text_of(recipe, false); }

std::string recipe_text(const Recipe& recipe) { return text_of(recipe, true); }

}  // namespace omni::compress
