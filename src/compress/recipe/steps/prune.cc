// Magnitude pruning, at once and while the network trains.
#include "compress/prune/masks.h"
#include "compress/prune/prune.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/training_options.h"
#include "core/error.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    {.name = "sparsity", .help = "share of the weights that become zero; an n:m pattern has its own", .kind = OptionKind::kShare, .fallback = "50%", .high = 99.99},
    {.name = "pattern", .help = "unstructured, a block of outputs x inputs such as 1x4 or 4x4, or n:m such as 2:4", .kind = OptionKind::kText, .fallback = "unstructured"},
    {.name = "scope", .help = "where the smallest are looked for: in each layer, in all together, or in all by LAMP's scores", .kind = OptionKind::kChoice, .fallback = "layer", .choices = "layer|global|lamp"},
    {.name = "most", .help = "of a layer's weights that may go", .kind = OptionKind::kShare, .fallback = "99.5%", .high = 100},
    {.name = "layers", .help = "patterns of weights to prune; none: all but embeddings and depthwise convolutions", .kind = OptionKind::kList},
    {.name = "keep", .help = "patterns of weights that stay dense", .kind = OptionKind::kList},
};
constexpr StepOption kGradualOptions[] = {
    kOptions[0], kOptions[1], kOptions[2], kOptions[3], kOptions[4], kOptions[5],
    {.name = "during", .help = "share of the training's steps in which weights go (those of an n:m pattern at once); the rest trains what is left", .kind = OptionKind::kShare, .fallback = "50%", .high = 100},
};
constexpr auto kGradualTraining = with_training(kGradualOptions);

PruneOptions prune_options(const StepOptions& options) {
  PruneOptions result;
  result.pattern = parse_pattern(options.text("pattern"));
  result.scope = options.text("scope") == "global" ? PruneScope::kGlobal : options.text("scope") == "lamp" ? PruneScope::kLamp : PruneScope::kLayer;
  result.sparsity = options.share("sparsity");
  result.most = options.share("most");
  result.layers = options.list("layers");
  result.keep = options.list("keep");
  return result;
}

void check(const StepOptions& options) { parse_pattern(options.text("pattern")); }

void apply(StepContext& context) {
  const PruneOptions options = prune_options(context.options);
  prune(context.graph, layers_to_prune(context.graph, options, context.passes), options);
}

void apply_gradually(StepContext& context) {
  const PruneOptions options = prune_options(context.options);
  train::TrainOptions training = train_options(context.input, context.options);
  std::vector<PruneLayer> layers = layers_to_prune(context.graph, options, context.passes);
  std::erase_if(layers, [&](const PruneLayer& layer) {
    const bool trained = train::is_chosen(training.parameters, layer.name);
    if (!trained) context.notes().push_back(layer.name + ": stays dense, it is not trained");
    return !trained;
  });
  if (layers.empty()) throw Error(ErrorCode::kInvalidArgument, "nothing that is trained is left to prune", "gradual-pruning", "let train and freeze leave a weight");
  training.edit = gradual_pruning(layers, options, context.options.share("during"));
  train_in_place(context, training);
  std::vector<std::string> names;
  for (const PruneLayer& layer : layers) names.push_back(layer.name);
  apply_masks(context.graph, names);
}

}  // namespace

extern const StepDef kPrune = {
    .name = "prune",
    .purpose = "the smallest weights become zero",
    .options = kOptions,
    .prepares = true,
    .check = check,
    .apply = apply,
};

extern const StepDef kGradualPruning = {
    .name = "gradual-pruning",
    .purpose = "the smallest weights become zero, little by little while the others are trained",
    .options = kGradualTraining,
    .needs_data = true,
    .needs_targets = true,
    .trains = true,
    .prepares = true,
    .canonical = false,
    .check = check,
    .apply = apply_gradually,
};

}  // namespace omni::compress::steps
