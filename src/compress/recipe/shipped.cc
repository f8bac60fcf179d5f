// Recipes that come with omni, and the way to any by name.
#include "compress/recipe/recipe.h"
#include "core/error.h"
#include "core/mapped_file.h"
#include "formats/yaml/yaml.h"

namespace omni::compress {

namespace {

std::vector<Recipe> parse_shipped() {
  std::vector<Recipe> recipes;
  for (const formats::ShippedFile& file : formats::split_shipped(shipped_recipe_text())) recipes.push_back(parse_recipe(file.text, file.name));
  return recipes;
}

}  // namespace

const std::vector<Recipe>& shipped_recipes() {
  static const std::vector<Recipe> recipes = parse_shipped();
  return recipes;
}

Recipe find_recipe(std::string_view name) {
  if (name.find('/') != std::string_view::npos || name.ends_with(".yaml")) {
    const std::string path(name);
    return parse_recipe(read_text_file(path, kMaxRecipeBytes), path);
  }
  std::vector<std::string> known;
  for (const Recipe& recipe : shipped_recipes()) {
    if (recipe.name == name) return recipe;
    known.push_back(recipe.name);
  }
  const std::string near = did_you_mean(name, known);
  throw Error(ErrorCode::kNotFound, "there is no recipe " + quoted(name), {},
              near.empty() ? "--recipe list shows them; a file's name ends in .yaml" : near);
}

}  // namespace omni::compress
