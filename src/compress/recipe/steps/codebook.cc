// Weights that share few values, as they are and trained.
#include <algorithm>

#include "compress/codebook/codebook.h"
#include "compress/prune/masks.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/training_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    {.name = "bits", .help = "of a weight's number: a layer has 2^bits values, zero among them", .kind = OptionKind::kCount, .fallback = "5", .low = 1, .high = 12},
    {.name = "convolution_bits", .help = "the same for convolutions", .kind = OptionKind::kCount, .fallback = "8", .low = 1, .high = 12},
    {.name = "init", .help = "where the values begin: at equal steps, at equal shares of the weights, at weights picked by the seed", .kind = OptionKind::kChoice, .fallback = "linear", .choices = "linear|density|forgy"},
    {.name = "keep", .help = "patterns of weights that keep their own values", .kind = OptionKind::kList},
};
// A value's gradient is the sum over the weights that share it: Adam makes steps of one size whatever their number.
constexpr auto kTrainedOptions = with_fallbacks(with_training(kOptions), {{"optimizer", "adam"}, {"learning_rate", "3e-04"}});

CodebookOptions codebook_options(const StepContext& context) {
  const StepOptions& options = context.options;
  CodebookOptions result;
  result.bits = options.count("bits");
  result.convolution_bits = options.count("convolution_bits");
  result.init = options.text("init") == "density" ? ClusterInit::kDensity : options.text("init") == "forgy" ? ClusterInit::kForgy : ClusterInit::kLinear;
  result.seed = context.input.seed;
  result.keep = options.list("keep");
  return result;
}

void apply(StepContext& context) { apply_codebooks(context.graph, make_codebooks(context.graph, codebook_options(context), context.passes)); }

void apply_trained(StepContext& context) {
  const std::vector<Codebook> codebooks = make_codebooks(context.graph, codebook_options(context), context.passes);
  train::TrainOptions training = train_options(context.input, context.options);
  training.edit = codebook_training(codebooks);
  std::vector<std::string> pruned = pruned_weights(context.graph);  // of those that keep their own values
  std::erase_if(pruned, [&](const std::string& name) { return std::any_of(codebooks.begin(), codebooks.end(), [&](const Codebook& c) { return c.name == name; }); });
  training.edit.rewrite = [&pruned, share = training.edit.rewrite](Graph& model, std::vector<ValueId>& parameters) {
    share(model, parameters);
    add_masks(model, pruned, FirstMask::kNonzero);
  };
  train_in_place(context, training);
  finish_codebooks(context.graph, codebooks);
  apply_masks(context.graph, pruned);
}

}  // namespace

extern const StepDef kCodebook = {
    .name = "codebook",
    .purpose = "the weights of a layer share few values",
    .options = kOptions,
    .prepares = true,
    .apply = apply,
};

extern const StepDef kTrainedCodebook = {
    .name = "trained-codebook",
    .purpose = "the weights of a layer share few values, which are trained",
    .options = kTrainedOptions,
    .needs_data = true,
    .needs_targets = true,
    .trains = true,
    .prepares = true,
    .canonical = false,
    .apply = apply_trained,
};

}  // namespace omni::compress::steps
