// Makes fuzz/corpus/checkpoint: checkpoint_corpus FOLDER. Run again when the format changes; the files are committed.
#include <cstdio>
#include <exception>
#include <string>

#include "train/trainer_checkpoint.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    using namespace omni::train;
    omni::runtime::StateSet states;
    const auto tensor = [](float a, float b) { return Tensor::of<float>(Shape{2}, std::vector<float>{a, b}); };
    states.add("moment", tensor(0.5f, -1), Role::kMoment);
    states.add("weight", tensor(1, 2));
    TrainerMemory memory;
    save_training(std::string(argv[1]) + "/begun", memory, states, "identity", Isa::kScalar);
    memory.step = 7;
    memory.epochs.resize(2);
    memory.sums = {{"loss", 3.5, 2}};
    memory.best = {{"weight", tensor(3, 4)}};
    save_training(std::string(argv[1]) + "/second_epoch", memory, states, "identity", Isa::kScalar);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
