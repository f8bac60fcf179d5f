// Training, then 8 bits, each step kept where it pays: recipe MODEL DATA OUTPUT
#include <omni/omni.h>

#include <cstdio>

int main(int argc, char** argv) try {
  if (argc != 4) return 2;
  omni::ModelCompressor compressor(omni::Graph::load(argv[1]), {.data = omni::Dataset::open(argv[2])});
  omni::Recipe recipe;
  recipe.add("finetune", {{"epochs", "1"}, {"learning_rate", "0.01"}}).add("int8-static").max_accuracy_loss(0.01);
  const auto small = compressor.run(recipe, {.directory = std::string(argv[3]) + ".work"});  // goes on after any end
  small.save(argv[3]);
  for (const auto& step : compressor.recipe_report().steps) std::printf("%s: %s\n", step.step.c_str(), step.reason.c_str());
} catch (const omni::Error& error) {
  std::fprintf(stderr, "error: %s\n", error.what());
  return 2;
}
