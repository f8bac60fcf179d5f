#include "train/optimizer.h"

#include <cmath>

#include "core/error.h"
#include "ops/op_list.h"
#include "train/mark_parameters.h"

namespace omni::train {

namespace {

constexpr std::string_view kNames[] = {"sgd", "adam", "adamw"};

bool decays(const Graph& graph, ValueId parameter) {
  if (graph.type(parameter).rank() < 2) return false;
  const ParamKind kind = parameter_kind(graph, parameter);
  return kind == ParamKind::kWeight || kind == ParamKind::kTable;
}

ValueId moment(Graph& graph, ValueId parameter, const char* suffix) {
  const Value& v = graph.value(parameter);
  return graph.add_state(v.name + suffix, Tensor(v.data.dtype(), v.data.shape()), Role::kMoment, parameter);
}

// One parameter's update: nodes, moments, commits.
struct Updater {
  Graph& graph;
  const OptimizerOptions& options;
  OptimizerInputs inputs;
  ValueId scale;

  void update(ValueId parameter, ValueId gradient) const {
    const float decay = decays(graph, parameter) ? static_cast<float>(options.weight_decay) : 0;
    if (options.kind == OptimizerKind::kSgd) sgd(parameter, gradient, decay);
    else adam(parameter, gradient, decay);
  }

  std::string next_name(ValueId state) const { return graph.value(state).name + ".next"; }

  void sgd(ValueId parameter, ValueId gradient, float decay) const {
    Attributes attributes{{"weight_decay", decay}};
    ValueId velocity = kNone;
    std::vector<std::string> names = {next_name(parameter)};
    if (options.momentum != 0) {
      velocity = moment(graph, parameter, ".velocity");
      names.push_back(next_name(velocity));
      attributes.set("momentum", static_cast<float>(options.momentum));
      attributes.set("nesterov", int64_t{options.nesterov});
    }
    const std::vector<ValueId> next = graph.add(ops::kSgdUpdate, {parameter, gradient, velocity, inputs.rate, scale}, attributes,
                                                {.name = "update/" + graph.value(parameter).name, .output_names = names});
    graph.add_commit({parameter, next[0]});
    if (velocity != kNone) graph.add_commit({velocity, next[1]});
  }

  void adam(ValueId parameter, ValueId gradient, float decay) const {
    const ValueId first = moment(graph, parameter, ".first_moment"), second = moment(graph, parameter, ".second_moment");
    const std::vector<ValueId> next =
        graph.add(ops::kAdamUpdate, {parameter, gradient, first, second, inputs.rate, inputs.step, scale},
                  {{"beta1", static_cast<float>(options.beta1)},
                   {"beta2", static_cast<float>(options.beta2)},
                   {"epsilon", static_cast<float>(options.epsilon)},
                   {"weight_decay", decay},
                   {"decoupled", int64_t{options.kind == OptimizerKind::kAdamW}}},
                  {.name = "update/" + graph.value(parameter).name, .output_names = {next_name(parameter), next_name(first), next_name(second)}});
    graph.add_commit({parameter, next[0]});
    graph.add_commit({first, next[1]});
    graph.add_commit({second, next[2]});
  }
};

}  // namespace

OptimizerKind parse_optimizer(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<OptimizerKind>(i);
  }
  const std::vector<std::string> known(std::begin(kNames), std::end(kNames));
  const std::string near = did_you_mean(name, known);
  throw Error(ErrorCode::kInvalidArgument, "no optimizer " + quoted(name), {}, near.empty() ? "choose sgd, adam or adamw" : near);
}

std::string_view optimizer_name(OptimizerKind kind) { return kNames[static_cast<size_t>(kind)]; }

double usual_rate(OptimizerKind kind) { return kind == OptimizerKind::kSgd ? 0.05 : 0.001; }

void check(const OptimizerOptions& o) {
  const auto require = [](bool ok, const char* what) {
    if (!ok) throw Error(ErrorCode::kInvalidArgument, what, "optimizer");
  };
  require(o.momentum >= 0 && o.momentum < 1, "momentum is outside [0, 1)");
  require(!o.nesterov || o.momentum > 0, "nesterov needs a momentum");
  require(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, "a beta is outside [0, 1)");
  require(o.epsilon > 0, "epsilon is not above 0");
  require(o.weight_decay >= 0 && std::isfinite(o.weight_decay), "weight decay is negative");
  require(o.clip_norm >= 0 && std::isfinite(o.clip_norm), "the norm to clip at is negative");
}

void append_updates(Graph& graph, std::span<const ValueId> parameters, std::span<const ValueId> gradients, const OptimizerOptions& options,
                    OptimizerInputs inputs) {
  check(options);
  std::vector<ValueId> present;
  for (const ValueId g : gradients) {
    if (g != kNone) present.push_back(g);
  }
  ValueId scale = kNone;
  if (options.clip_norm > 0 && !present.empty()) {
    scale = graph.add1(ops::kClipFactor, present, {{"max_norm", static_cast<float>(options.clip_norm)}}, {.name = "clip_factor"});
  }
  const Updater updater{graph, options, inputs, scale};
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gradients[i] != kNone) updater.update(parameters[i], gradients[i]);
  }
}

}  // namespace omni::train
