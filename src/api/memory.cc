// What loading, planning and running a model takes, before it is run.
#include <algorithm>
#include <filesystem>

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
  train::TrainingGraphOptions wishes;
  wishes.optimizer.kind = train::parse_optimizer(options.optimizer);
  wishes.loss.kind = train::parse_loss(options.loss);
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

device::Workload inference(const Graph& model, const PredictOptions& options, core::Isa isa) {
  const std::vector<core::Shape> shapes = api::input_shapes(*Access::graph(model), options.shapes);
  return device::plan_workload(Access::graph(model), shapes, isa);
}

// The graphs that training makes of the model, with the first values of moments, count as the session's.
device::Workload training(const Graph& model, const PredictOptions& options, core::Isa isa) {
  const graph::Graph& graph = *Access::graph(model);
  const int64_t before = device::own_bytes();
  train::TrainingGraphs graphs = training_graphs(graph, options);
  const int64_t made = std::max<int64_t>(0, device::own_bytes() - before);
  const std::vector<core::Shape> shapes = api::input_shapes(graphs.train, batch_shapes(graph, options));
  device::Workload work = device::plan_workload(std::make_shared<const graph::Graph>(std::move(graphs.train)), shapes, isa);
  const device::MemoryUse own = device::constant_use(graph);
  work.memory.weights = own.weights;
  work.memory.mapped = own.mapped;
  work.memory.session += made;
  return work;
}

// While a file is read: its pages, and for ONNX the message as well, which the weights stay in.
int64_t loading_bytes(const Graph& model) {
  if (Access::path(model).empty() || model.format() != "onnx") return 0;
  std::error_code failed;
  const auto size = std::filesystem::file_size(Access::path(model), failed);
  return failed ? 0 : static_cast<int64_t>(size);
}

}  // namespace

int64_t peak_process_bytes() { return device::peak_resident_bytes(); }

MemoryPrediction predict_memory(const Graph& model, const PredictOptions& options) { return api::plan(model, options).memory; }

api::Planned api::plan(const Graph& model, const PredictOptions& options) {
  const core::Isa isa = api::isa(options.isa);
  warm_up(isa);
  const int64_t files = device::file_resident_bytes(), resident = device::resident_bytes();
  std::optional<device::MemoryFence> fence;
  if (options.limit_bytes > 0) fence.emplace(options.limit_bytes - (resident - files));
  device::Workload work = options.training ? training(model, options, isa) : inference(model, options, isa);
  const device::MemoryUse& use = work.memory;

  MemoryPrediction result;
  result.weight_bytes = std::max(Access::heap(model), use.weights);
  result.mapped_bytes = use.mapped;
  result.session_bytes = use.session;
  result.arena_bytes = use.arena;
  result.state_bytes = use.states;
  result.port_bytes = use.ports;
  const int64_t loaded = result.weight_bytes + result.mapped_bytes, running = use.session + use.arena + use.states + use.ports;
  const int64_t loading = loading_bytes(model), preparing = use.session + use.planning;
  result.passing_bytes = std::max({int64_t{0}, loading, preparing});
  result.growth_bytes = loaded + std::max({loading, preparing, running});
  result.process_bytes = std::max<int64_t>(0, resident - files - Access::heap(model));
  result.code_bytes = files;
  result.peak_bytes = result.growth_bytes + result.process_bytes + result.code_bytes;
  if (!work.whole) result.notes.emplace_back("some shapes depend on what the model computes; what follows them is not counted");
  if (device::own_bytes() == 0) result.notes.emplace_back("the system does not tell what planning took: packed weights are not counted");
  return {std::move(result), std::move(work)};
}

}  // namespace omni
