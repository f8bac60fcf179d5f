// Recipes. What is accepted is written and read back as the same.
#include <cstdlib>

#include "compress/recipe/recipe.h"
#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::optional<omni::compress::Recipe> recipe;
  try {
    recipe = omni::compress::parse_recipe({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const omni::Error&) {
    return 0;
  }
  if (!(omni::compress::parse_recipe(omni::compress::recipe_text(*recipe), "text") == *recipe)) std::abort();
  return 0;
}
