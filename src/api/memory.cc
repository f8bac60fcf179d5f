// What loading, planning and running a model takes, before it is run.
#include <algorithm>

#include "api/access.h"

namespace omni {

namespace {

// Code and libraries that planning and running touch come into memory with the first network, whatever it is.
void warm_up(core::Isa isa) {
  runtime::SessionOptions options;
  options.threads = 1;
  options.isa = isa;
  runtime::Session session(graph::parse("graph one(%x:f32[1,4]) -> (%y) {\n  %y = Relu(%x)\n}\n", ops::find_op), options);
  session.run(std::vector<core::Tensor>{core::Tensor(core::DType::kF32, core::Shape{1, 4})});
}

train::TrainingGraphs training_graphs(const graph::Graph& model, const PredictOptions& options) {
  train::TrainingGraphOptions wishes = api::training_graph_options(options);
  if (wishes.loss.kind != train::LossKind::kAuto) return train::build_training_graphs(model, wishes);
  try {
    wishes.loss.kind = train::LossKind::kCrossEntropy;
    return train::build_training_graphs(model, wishes);
  } catch (const Error&) {
    wishes.loss.kind = train::LossKind::kMse;
    return train::build_training_graphs(model, wishes);
  }
}

// Sizes of the model's inputs in a training step: a first dimension that is free is the batch.
InputShapes batch_shapes(const graph::Graph& model, const PredictOptions& options) {
  InputShapes shapes;
  const std::vector<core::Shape> sizes = api::input_shapes(model, options.shapes);
  for (size_t i = 0; i < sizes.size(); ++i) {
    const graph::Value& input = model.value(model.inputs()[i]);
    std::vector<int64_t> dims = api::dims_of(sizes[i]);
    if (!dims.empty() && !options.shapes.contains(input.name) && !input.type.dim(0).is_constant()) dims[0] = options.batch;
    shapes[input.name] = std::move(dims);
  }
  return shapes;
}

using Missing = std::function<int64_t(const device::MemoryUse&)>;

device::Fit inference(const Graph& model, const PredictOptions& options, core::Isa isa, Missing missing) {
  const std::vector<core::Shape> shapes = api::input_shapes(*Access::graph(model), options.shapes);
  return device::fit(Access::graph(model), shapes, isa, {.training = false, .missing = std::move(missing)});
}

// The session that validates between epochs, its inputs among the arena. Its weights are the training's.
device::MemoryUse validation(const graph::Graph& eval, const graph::Graph& model, PredictOptions options, core::Isa isa) {
  if (options.validation_samples <= 0) return {};
  options.batch = std::min(train::kValidationBatch, options.validation_samples);
  const std::vector<core::Shape> shapes = api::input_shapes(eval, batch_shapes(model, options));
  runtime::Levers levers;
  levers.order = true;
  const device::MemoryUse use = device::plan_workload(std::make_shared<const graph::Graph>(eval.clone()), shapes, isa, levers).memory;
  device::MemoryUse result;
  result.session = use.session;
  result.arena = use.arena + use.ports;
  return result;
}

// The graphs that training makes of the model, with the first values of moments, count as the session's.
device::Fit training(const Graph& model, const PredictOptions& options, core::Isa isa, const Missing& missing) {
  const graph::Graph& graph = *Access::graph(model);
  const int64_t before = device::own_bytes();
  train::TrainingGraphs graphs = training_graphs(graph, options);
  const int64_t made = std::max<int64_t>(0, device::own_bytes() - before);
  const device::MemoryUse own = device::constant_use(graph), beside = validation(graphs.eval, graph, options, isa);
  const auto whole = [=](device::MemoryUse use) {
    use.weights = own.weights;
    use.mapped = own.mapped;
    use.session += made + beside.session;
    use.arena += beside.arena;
    return use;
  };
  const std::vector<core::Shape> shapes = api::input_shapes(graphs.train, batch_shapes(graph, options));
  device::FitOptions wishes{.training = true, .missing = {}};
  if (missing) wishes.missing = [&](const device::MemoryUse& use) { return missing(whole(use)); };
  device::Fit fit = device::fit(std::make_shared<const graph::Graph>(std::move(graphs.train)), shapes, isa, wishes);
  fit.work.memory = whole(fit.work.memory);
  return fit;
}


// What a workload comes to with the model's own bytes: loaded, then prepared, then run.
MemoryPrediction summed(const Graph& model, const device::MemoryUse& use) {
  MemoryPrediction result;
  result.weight_bytes = std::max(Access::heap(model), use.weights);
  result.mapped_bytes = use.mapped;
  result.session_bytes = use.session;
  result.arena_bytes = use.arena;
  result.state_bytes = use.states;
  result.port_bytes = use.ports;
  const int64_t loaded = result.weight_bytes + result.mapped_bytes, running = use.session + use.arena + use.states + use.ports;
  const int64_t preparing = use.session + use.planning;
  result.passing_bytes = preparing;
  result.growth_bytes = loaded + std::max(preparing, running);
  return result;
}

}  // namespace

runtime::Levers api::levers(const MemoryMeasures& measures) { return {measures.order, measures.unpacked_bytes, measures.arena_bytes}; }

void api::give_up(const MemoryMeasures& measures, const graph::Graph& graph, runtime::SessionOptions& options) {
  const runtime::Levers wanted = levers(measures);
  if (wanted == runtime::Levers()) return;
  runtime::apply(wanted, input_shapes(graph, measures.shapes), options);
}

int64_t peak_process_bytes() { return device::peak_resident_bytes(); }

MemoryPrediction predict_memory(const Graph& model, const PredictOptions& options) { return api::plan(model, options).memory; }

api::Planned api::plan(const Graph& model, const PredictOptions& options) {
  const core::Isa isa = api::isa(options.isa);
  warm_up(isa);
  const int64_t files = device::file_resident_bytes(), resident = device::resident_bytes();
  std::optional<device::MemoryFence> fence;
  // Pages of the model's file count, too, and planning reads them all.
  if (options.limit_bytes > 0) fence.emplace(options.limit_bytes - (resident - files) - device::constant_use(*Access::graph(model)).mapped);
  const int64_t process = std::max<int64_t>(0, resident - files - Access::heap(model));
  Missing missing;
  if (options.memory_budget > 0) {
    missing = [&](const device::MemoryUse& use) { return summed(model, use).growth_bytes + process + kSystemMemory - options.memory_budget; };
  }
  device::Fit fit = options.training ? training(model, options, isa, missing) : inference(model, options, isa, missing);
  device::Workload& work = fit.work;
  MemoryPrediction result = summed(model, work.memory);
  result.process_bytes = process;
  result.code_bytes = files;
  result.peak_bytes = result.growth_bytes + result.process_bytes + result.code_bytes;
  result.measures = {fit.levers.order, fit.levers.unpacked_bytes, fit.levers.arena_bytes, options.shapes};
  for (device::Saving& saving : fit.savings) result.savings.push_back({std::move(saving.text), saving.bytes, saving.more_operations});
  result.missing_bytes = std::max<int64_t>(0, fit.missing);
  if (!work.whole) result.notes.emplace_back("some shapes depend on what the model computes; what follows them is not counted");
  if (device::own_bytes() == 0) result.notes.emplace_back("the system does not tell what planning took: packed weights are not counted");
  return {std::move(result), std::move(work)};
}

}  // namespace omni
