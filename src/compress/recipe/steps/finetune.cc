// Training on the data, in the middle of a recipe.
#include "compress/prune/masks.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/training_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    {.name = "keep_zeros", .help = "what is zero in weights that are pruned, at least a tenth zero, stays so", .kind = OptionKind::kFlag, .fallback = "true"},
};
constexpr auto kAllOptions = with_training(kOptions);

void apply(StepContext& context) {
  train::TrainOptions training = train_options(context.input, context.options);
  std::vector<std::string> pruned;
  if (context.options.flag("keep_zeros")) pruned = pruned_weights(context.graph);
  training.edit.rewrite = [&pruned](Graph& model, std::vector<ValueId>&) { add_masks(model, pruned, FirstMask::kNonzero); };
  train_in_place(context, training);
  apply_masks(context.graph, pruned);
}

}  // namespace

extern const StepDef kFinetune = {
    .name = "finetune",
    .purpose = "trains the parameters on the data",
    .options = kAllOptions,
    .needs_data = true,
    .needs_targets = true,
    .trains = true,
    .canonical = false,  // batch norms are trained as they are
    .apply = apply,
};

}  // namespace omni::compress::steps
