#include "api/access.h"

namespace omni {

namespace {

EpochReport to_public(const train::EpochReport& epoch, bool labels, bool validation) {
  EpochReport result;
  result.epoch = epoch.epoch;
  result.loss = epoch.train_loss;
  result.learning_rate = epoch.rate;
  result.seconds = epoch.seconds;
  if (labels) result.accuracy = epoch.train_accuracy;
  if (validation) result.validation_loss = epoch.validation_loss;
  if (validation && labels) result.validation_accuracy = epoch.validation_accuracy;
  return result;
}

train::TrainOptions to_inner(const TrainOptions& options) {
  const runtime::SessionOptions session = api::session_options(options.threads, options.isa);
  train::TrainOptions inner;
  train::TrainingGraphOptions graphs = api::training_graph_options(options);
  inner.loss = graphs.loss;
  inner.optimizer = graphs.optimizer;
  inner.parameters = std::move(graphs.parameters);
  inner.rate = options.learning_rate;
  inner.schedule.kind = train::parse_schedule(options.schedule);
  inner.schedule.warmup = options.warmup;
  inner.epochs = options.epochs;
  inner.batch = options.batch;
  inner.seed = options.seed;
  inner.validation = options.validation_share;
  inner.patience = options.patience;
  inner.threads = session.threads;
  inner.isa = session.isa;
  inner.directory = options.directory;
  inner.on_checkpoint = static_cast<train::OnCheckpoint>(options.on_checkpoint);
  inner.checkpoint_seconds = options.checkpoint_seconds;
  inner.levers = api::levers(options.memory);
  inner.progress = options.progress;
  return inner;
}

}  // namespace

Trainer::Trainer(const Graph& graph, const TrainOptions& options) : graph_(graph), options_(options) { to_inner(options); }

Graph Trainer::fit(const Dataset& dataset) {
  const graph::Graph& graph = *Access::graph(graph_);
  const train::SampleData data = train::match_data(graph, Access::shared_data(dataset));
  train::TrainOptions inner = to_inner(options_);
  std::optional<train::SampleData> validation;
  if (options_.validation) {
    validation = train::match_data(graph, Access::shared_data(*options_.validation));
    inner.validation_data = &*validation;
  }
  const runtime::SampleField* target = data.target_field();
  const bool labels = target != nullptr && target->dtype == core::DType::kI64;
  const bool watched = validation.has_value() || options_.validation_share > 0;
  if (options_.epoch_done) {
    inner.epoch_done = [&](const train::EpochReport& epoch) { options_.epoch_done(to_public(epoch, labels, watched)); };
  }
  train::TrainResult result = train::train(graph, data, inner);
  report_ = {};
  for (const train::EpochReport& epoch : result.epochs) report_.epochs.push_back(to_public(epoch, labels, watched));
  report_.steps = result.steps;
  report_.best_epoch = result.best_epoch;
  report_.stopped_early = result.stopped_early;
  report_.resumed = result.resumed;
  report_.trained = std::move(result.parameters);
  report_.notes = std::move(result.notes);
  return Access::graph(std::move(result.model));
}

}  // namespace omni
