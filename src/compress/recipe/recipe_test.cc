// Recipes from text and back, and what is refused.
#include "compress/recipe/recipe.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace omni::compress {
namespace {

TEST(Recipe, EveryOptionIsReadAndWritten) {
  const Recipe recipe = parse_recipe(
      "format: 1\nname: two-steps\ndescription: a test\ndecide: model\nmax_accuracy_loss: 1.5%\nsteps:\n"
      "  - method: finetune\n    epochs: 3\n    learning_rate: 1e-3\n    train: ['fc*', \"a,b\"]\n    warmup: 12.5%\n"
      "  - {method: int8-static, observer: percentile, percentile: 99.9%, samples: 64, required: true}\n",
      "r.yaml");
  EXPECT_EQ(recipe.name, "two-steps");
  EXPECT_EQ(recipe.decide, Decide::kModel);
  EXPECT_EQ(recipe.max_accuracy_loss, 1.5);
  ASSERT_EQ(recipe.steps.size(), 2u);
  EXPECT_EQ(recipe.steps[0].options.count("epochs"), 3);
  EXPECT_EQ(recipe.steps[0].options.number("learning_rate"), 1e-3);
  EXPECT_EQ(recipe.steps[0].options.list("train"), (std::vector<std::string>{"fc*", "a,b"}));
  EXPECT_EQ(recipe.steps[0].options.share("warmup"), 0.125);
  EXPECT_EQ(recipe.steps[0].options.text("optimizer"), "sgd");
  EXPECT_FALSE(recipe.steps[0].required);
  EXPECT_TRUE(recipe.steps[1].required);
  EXPECT_EQ(recipe.steps[1].options.text("observer"), "percentile");
  EXPECT_EQ(recipe_text(parse_recipe(recipe_text(recipe), "text")), recipe_text(recipe));
  EXPECT_TRUE(parse_recipe(recipe_text(recipe), "text") == recipe);
}

TEST(Recipe, TheCanonicalTextSaysEveryOptionAndNoName) {
  const Recipe recipe = parse_recipe("format: 1\nname: small\nsteps:\n- method: int4-weight\n  group: 64\n", "r.yaml");
  EXPECT_EQ(canonical_text(recipe), "format: 1\ndecide: host\nsteps:\n  - method: int4-weight\n    group: 64\n    bits: 4\n    rounding: search\n    keep_ends_int8: true\n");
  EXPECT_EQ(canonical_text(parse_recipe("steps: [{keep_ends_int8: true, group: 64, method: int4-weight}]\nformat: 1\n", "r.yaml")), canonical_text(recipe));
}

TEST(Recipe, IsRefusedWithLineAndWayOut) {
  const std::string head = "format: 1\nsteps:\n  - method: int4-weight\n";
  const struct {
    std::string text, message;
  } cases[] = {
      {"", "r.yaml: expected a recipe: a mapping of keys to values, found nothing"},
      {"steps: []\n", "r.yaml:1: the key format is missing"},
      {"format: 2\nsteps: []\n", "r.yaml:1: format is \"2\", this version reads 1"},
      {"format: 1\n", "r.yaml:1: the key steps is missing"},
      {"format: 1\nsteps: []\n", "r.yaml:2: steps: expected a list of 1 to 256 steps, found a list"},
      {"format: 1\nsteps: [int8]\n", "r.yaml:2: expected a step: a mapping with the key method, found \"int8\""},
      {"format: 1\nstepps: []\n", "r.yaml:2: there is no key \"stepps\" in a recipe; did you mean steps?"},
      {"format: 1\nsteps:\n  - method: int4-weigth\n", "r.yaml:3: there is no compression method \"int4-weigth\"; did you mean int4-weight or int8-weight?"},
      {head + "    groop: 3\n", "r.yaml:4: there is no key \"groop\" in int4-weight; did you mean group?"},
      {head + "    group: many\n", "r.yaml:4: group: expected a whole number from 16 to 1048576, found \"many\""},
      {head + "    group: 8\n", "r.yaml:4: group: expected a whole number from 16 to 1048576, found \"8\""},
      {head + "    group: 48\n", "r.yaml:3: group: expected a power of two, found 48"},
      {head + "    group: {a: 1}\n", "r.yaml:4: group: expected a value, found a mapping"},
      {head + "    group: [1]\n", "r.yaml:4: group takes no list"},
      {head + "    keep_ends_int8: yes\n", "r.yaml:4: keep_ends_int8: expected true or false, found \"yes\""},
      {head + "    required: 1\n", "r.yaml:4: required: expected true or false, found \"1\""},
      {head + "    group: 32\n    group: 64\n", "r.yaml:5: the key group is there twice"},
      {"format: 1\nsteps:\n  - method: int8-static\n    observer: msee\n",
       "r.yaml:4: observer: expected one of auto, minmax, percentile, entropy, mse, found \"msee\"; did you mean mse?"},
      {"format: 1\nsteps:\n  - method: int8-static\n    percentile: 99.99\n", "r.yaml:4: percentile: expected a share from 50% to 100%, found \"99.99\""},
      {"format: 1\ndecide: guess\nsteps: []\n", "r.yaml:2: decide: expected host, model or none, found \"guess\""},
      {"format: 1\nmax_accuracy_loss: 1\nsteps: []\n", "r.yaml:2: max_accuracy_loss: expected a share from 0% to 100%, found \"1\""},
      {"format: 1\nname: A b\nsteps: []\n", "r.yaml:2: name: expected small letters, digits and -_, at most 64, found \"A b\""},
      {"format: [1\n", "r.yaml:2: no YAML:"},
  };
  for (const auto& c : cases) {
    try {
      parse_recipe(c.text, "r.yaml");
      ADD_FAILURE() << c.text;
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).substr(0, c.message.size()), c.message) << c.text;
      EXPECT_EQ(error.code(), ErrorCode::kInvalidData);
    }
  }
}

TEST(Recipe, ShippedOnesAreNamedAsTheirFilesAndDescribed) {
  EXPECT_GE(shipped_recipes().size(), 5u);
  for (const Recipe& recipe : shipped_recipes()) {
    EXPECT_TRUE(find_recipe(recipe.name) == recipe);
    EXPECT_TRUE(find_recipe(std::string(OMNI_SOURCE_DIR "/recipes/") + recipe.name + ".yaml") == recipe);
    EXPECT_FALSE(recipe.description.empty()) << recipe.name;
  }
  try {
    find_recipe("int9");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(error.fix().find("int8"), std::string::npos) << error.fix();
  }
}

TEST(Steps, HaveNamesHelpAndFallbacksThatAreValues) {
  for (const StepDef* step : step_defs()) {
    EXPECT_FALSE(step->purpose.empty() || step->purpose.ends_with('.')) << step->name;
    ASSERT_NE(step->apply, nullptr) << step->name;
    EXPECT_TRUE(!step->needs_targets || step->needs_data) << step->name;
    const StepOptions options(*step);
    for (const StepOption& option : step->options) {
      EXPECT_FALSE(option.help.empty() || option.help.ends_with('.')) << option.name;
      EXPECT_NE(option.name, "method");
      EXPECT_NE(option.name, "required");
      if (option.kind != OptionKind::kList && option.kind != OptionKind::kText) {
        EXPECT_EQ(option_text(option, options.value(option.name)), option.fallback) << step->name << " " << option.name;
      }
    }
    if (step->check != nullptr) step->check(options);
  }
}

}  // namespace
}  // namespace omni::compress
