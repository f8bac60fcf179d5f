#include "train/training_graph.h"

#include "core/error.h"
#include "train/differentiate.h"
#include "train/set_mode.h"

namespace omni::train {

namespace {

ValueId scalar_input(Graph& graph, std::string_view name, DType dtype) { return graph.add_input(graph.unique_name(name), Type(dtype, Shape{})); }

std::string name_or_none(const Graph& graph, ValueId id) { return id == kNone ? std::string() : graph.value(id).name; }

}  // namespace

TrainingGraphs build_training_graphs(const Graph& inference, const TrainingGraphOptions& options) {
  TrainingGraphs out;
  out.model = inference.clone();
  std::vector<ValueId> parameters = mark_parameters(out.model, options.parameters);
  mark_buffers(out.model);
  if (options.edit.rewrite) options.edit.rewrite(out.model, parameters);
  for (const ValueId p : parameters) out.parameters.push_back(out.model.value(p).name);

  out.eval = out.model.clone();
  out.eval.set_name("eval");
  const LossValues eval_loss = append_loss(out.eval, options.loss);
  out.target = out.eval.value(eval_loss.target).name;
  out.prediction = out.eval.value(eval_loss.prediction).name;
  out.loss = out.eval.value(eval_loss.loss).name;
  out.eval.erase_dead();

  out.train = out.model.clone();
  out.train.set_name("train");
  Graph& g = out.train;
  const LossValues loss = append_loss(g, options.loss);
  const std::string loss_value = g.value(loss.loss).name;
  OptimizerInputs inputs;
  inputs.rate = scalar_input(g, "rate", DType::kF32);
  if (options.optimizer.kind != OptimizerKind::kSgd) inputs.step = scalar_input(g, "step", DType::kI64);
  const ModeReport mode = set_mode(g, Mode::kTrain, {kNone, inputs.step});
  const std::vector<ValueId> gradients = differentiate(g, g.find(loss_value), parameters);
  append_updates(g, parameters, gradients, options.optimizer, inputs);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i] == kNone) out.notes.push_back(quoted(g.value(parameters[i]).name) + " has no influence on the loss and stays as it is");
  }
  g.erase_dead();
  out.rate = name_or_none(g, inputs.rate);
  out.step = name_or_none(g, mode.inputs.step != kNone ? mode.inputs.step : inputs.step);
  out.seed = name_or_none(g, mode.inputs.seed);
  verify(g);
  verify(out.eval);
  return out;
}

}  // namespace omni::train
