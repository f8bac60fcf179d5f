// docs/compression.md lists every step with its options as the registry has them. OMNI_UPDATE_DOCS=1 writes the list.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "compress/recipe/recipe.h"
#include "core/mapped_file.h"

namespace omni::compress {
namespace {

std::string needs(const StepDef& step) {
  std::string text;
  if (step.needs_targets) text = " Needs data with labels or target values.";
  else if (step.needs_data) text = " Needs data.";
  return text + (step.prepares ? " Prepares for the next step and is judged with it." : "");
}

std::string listing() {
  std::string text;
  for (const StepDef* step : step_defs()) {
    std::string purpose(step->purpose);
    purpose[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(purpose[0])));
    text += "\n### " + std::string(step->name) + "\n\n" + purpose + "." + needs(*step) + "\n";
    if (step->options.empty()) continue;
    text += "\n| option | default | |\n|---|---|---|\n";
    const StepOptions defaults(*step);
    for (const StepOption& option : step->options) {
      std::string help(option.help);
      for (const std::string& choice : choice_names(option)) help += (choice == choice_names(option).front() ? ": `" : ", `") + choice + "`";
      text += "| `" + std::string(option.name) + "` | `" + option_text(option, defaults.value(option.name)) + "` | " + help + " |\n";
    }
  }
  return text + "\n";
}

TEST(CompressionPage, ListsEveryStepAndOption) {
  const std::string path = OMNI_SOURCE_DIR "/docs/compression.md", begin = "<!-- steps -->\n", end = "<!-- end -->";
  std::string page = core::read_text_file(path, 1 << 20);
  const size_t from = page.find(begin), to = page.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const std::string listed = page.substr(from + begin.size(), to - from - begin.size());
  if (std::getenv("OMNI_UPDATE_DOCS") != nullptr) {
    std::ofstream(path, std::ios::binary) << page.replace(from + begin.size(), listed.size(), listing());
    return;
  }
  EXPECT_EQ(listed, listing()) << "run this test with OMNI_UPDATE_DOCS=1";
}

// The example of a recipe on the page is one.
TEST(CompressionPage, ItsRecipeIsAccepted) {
  const std::string page = core::read_text_file(OMNI_SOURCE_DIR "/docs/compression.md", 1 << 20);
  const size_t from = page.find("    format: 1"), to = page.find("\n\n", from);
  ASSERT_NE(from, std::string::npos);
  const Recipe recipe = parse_recipe(page.substr(from, to - from), "docs/compression.md");
  EXPECT_EQ(recipe.steps.size(), 3u);
  EXPECT_EQ(recipe.max_accuracy_loss, 1);
}

}  // namespace
}  // namespace omni::compress
