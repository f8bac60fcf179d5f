#include "compress/recipe/steps/training_options.h"

namespace omni::compress::steps {

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

void train_in_place(StepContext& context, const train::TrainOptions& options) {
  train::TrainResult result = train::train(context.graph, *context.input.data, options);
  result.model.metadata = context.graph.metadata;
  context.graph = std::move(result.model);
  for (std::string& note : result.notes) context.notes().push_back(std::move(note));
}

}  // namespace omni::compress::steps
