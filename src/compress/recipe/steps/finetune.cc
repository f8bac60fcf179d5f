// Training on the data, in the middle of a recipe.
#include "compress/recipe/step_list.h"
#include "train/trainer.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    {.name = "epochs", .help = "passes over the data", .kind = OptionKind::kCount, .fallback = "1", .low = 1, .high = 1e6},
    {.name = "batch", .help = "samples a step", .kind = OptionKind::kCount, .fallback = "64", .low = 1, .high = 1e6},
    {.name = "loss", .help = "what is minimized; auto: cross-entropy for labels, mse for values", .kind = OptionKind::kChoice, .fallback = "auto", .choices = "auto|cross-entropy|mse"},
    {.name = "optimizer", .help = "how steps are made", .kind = OptionKind::kChoice, .fallback = "sgd", .choices = "sgd|adam|adamw"},
    {.name = "learning_rate", .help = "the highest; 0: 0.05 for sgd, 0.001 for adam and adamw", .kind = OptionKind::kNumber, .fallback = "0", .high = 1e6},
    {.name = "momentum", .help = "of sgd", .kind = OptionKind::kNumber, .fallback = "0.9", .high = 1},
    {.name = "weight_decay", .help = "of weights, not of biases and norms", .kind = OptionKind::kNumber, .fallback = "0", .high = 1e3},
    {.name = "schedule", .help = "of the learning rate", .kind = OptionKind::kChoice, .fallback = "one-cycle", .choices = "constant|step|cosine|one-cycle"},
    {.name = "warmup", .help = "share of all steps in which the learning rate rises to its value", .kind = OptionKind::kShare, .fallback = "0%", .high = 99},
    {.name = "clip_norm", .help = "bound of all gradients' norm; 0: none", .kind = OptionKind::kNumber, .fallback = "0", .high = 1e9},
    {.name = "label_smoothing", .help = "of cross-entropy", .kind = OptionKind::kNumber, .fallback = "0", .high = 0.99},
    {.name = "train", .help = "patterns of parameters to train, others stay; none: all", .kind = OptionKind::kList},
    {.name = "freeze", .help = "patterns of parameters to leave as they are", .kind = OptionKind::kList},
};

train::TrainOptions train_options(const StepInput& input, const StepOptions& options) {
  train::TrainOptions result;
  result.epochs = options.count("epochs");
  result.batch = options.count("batch");
  result.loss.kind = train::parse_loss(options.text("loss"));
  result.loss.label_smoothing = options.number("label_smoothing");
  result.optimizer.kind = train::parse_optimizer(options.text("optimizer"));
  result.optimizer.momentum = options.number("momentum");
  result.optimizer.weight_decay = options.number("weight_decay");
  result.optimizer.clip_norm = options.number("clip_norm");
  result.rate = options.number("learning_rate");
  result.schedule.kind = train::parse_schedule(options.text("schedule"));
  result.schedule.warmup = options.share("warmup");
  result.parameters.train = options.list("train");
  result.parameters.freeze = options.list("freeze");
  result.seed = input.seed;
  result.pool = input.pool;
  result.isa = input.isa;
  result.directory = input.directory;
  result.checkpoint_seconds = input.checkpoint_seconds;
  result.progress = input.progress;
  return result;
}

void apply(StepContext& context) {
  const train::TrainOptions options = train_options(context.input, context.options);
  train::TrainResult result = train::train(context.graph, *context.input.data, options);
  result.model.metadata = context.graph.metadata;
  context.graph = std::move(result.model);
  for (std::string& note : result.notes) context.notes().push_back(std::move(note));
}

}  // namespace

extern const StepDef kFinetune = {
    .name = "finetune",
    .purpose = "trains the parameters on the data",
    .options = kOptions,
    .needs_data = true,
    .needs_targets = true,
    .trains = true,
    .canonical = false,  // batch norms are trained as they are
    .apply = apply,
};

}  // namespace omni::compress::steps
