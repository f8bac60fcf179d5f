// The options of every step that trains.
#pragma once

#include <array>
#include <initializer_list>
#include <utility>

#include "compress/recipe/step.h"
#include "train/trainer.h"

namespace omni::compress::steps {

inline constexpr StepOption kTrainingOptions[] = {
    {.name = "epochs", .help = "passes over the data", .kind = OptionKind::kCount, .fallback = "1", .low = 1, .high = 1e6},
    {.name = "batch", .help = "samples a step", .kind = OptionKind::kCount, .fallback = "64", .low = 1, .high = 1e6},
    {.name = "loss", .help = "what is minimized; auto: cross-entropy for labels, mse for values", .kind = OptionKind::kChoice, .fallback = "auto", .choices = "auto|cross-entropy|mse"},
    {.name = "optimizer", .help = "how steps are made", .kind = OptionKind::kChoice, .fallback = "sgd", .choices = "sgd|adam|adamw"},
    {.name = "learning_rate", .help = "the highest; 0: 0.05 for sgd, 0.001 for adam and adamw", .kind = OptionKind::kNumber, .fallback = "0", .high = 1e6},
    {.name = "momentum", .help = "of sgd", .kind = OptionKind::kNumber, .fallback = "0.9", .high = 1},
    {.name = "weight_decay", .help = "of weights, not of biases and norms", .kind = OptionKind::kNumber, .fallback = "0", .high = 1e3},
    {.name = "schedule", .help = "of the learning rate", .kind = OptionKind::kChoice, .fallback = "one-cycle", .choices = "constant|step|cosine|one-cycle"},
    {.name = "warmup", .help = "share of all steps in which the learning rate rises to its value; one-cycle has its own", .kind = OptionKind::kShare, .fallback = "0%", .high = 99},
    {.name = "clip_norm", .help = "bound of all gradients' norm; 0: none", .kind = OptionKind::kNumber, .fallback = "0", .high = 1e9},
    {.name = "label_smoothing", .help = "of cross-entropy", .kind = OptionKind::kNumber, .fallback = "0", .high = 0.99},
    {.name = "train", .help = "patterns of parameters to train, others stay; none: all", .kind = OptionKind::kList},
    {.name = "freeze", .help = "patterns of parameters to leave as they are", .kind = OptionKind::kList},
};

// A step's own options, then those of training.
template <size_t N>
constexpr auto with_training(const StepOption (&own)[N]) {
  std::array<StepOption, N + std::size(kTrainingOptions)> all;
  for (size_t i = 0; i < N; ++i) all[i] = own[i];
  for (size_t i = 0; i < std::size(kTrainingOptions); ++i) all[N + i] = kTrainingOptions[i];
  return all;
}

// The same options with other fallbacks.
template <size_t N>
constexpr auto with_fallbacks(std::array<StepOption, N> options, std::initializer_list<std::pair<std::string_view, std::string_view>> fallbacks) {
  for (StepOption& option : options) {
    for (const auto& [name, fallback] : fallbacks) {
      if (option.name == name) option.fallback = fallback;
    }
  }
  return options;
}

train::TrainOptions train_options(const StepInput& input, const StepOptions& options);

// Trains the context's graph, which keeps its metadata; the training's notes are added.
void train_in_place(StepContext& context, const train::TrainOptions& options);

}  // namespace omni::compress::steps
