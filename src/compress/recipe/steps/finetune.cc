// Training on the data, in the middle of a recipe.
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/training_options.h"

namespace omni::compress::steps {

extern const StepDef kFinetune = {
    .name = "finetune",
    .purpose = "trains the parameters on the data",
    .options = kTrainingOptions,
    .needs_data = true,
    .needs_targets = true,
    .trains = true,
    .canonical = false,  // batch norms are trained as they are
    .apply = [](StepContext& context) { train_in_place(context, train_options(context.input, context.options)); },
};

}  // namespace omni::compress::steps
