#include "train/mark_parameters.h"

#include "core/error.h"
#include "ops/op_list.h"
#include "train/glob.h"

namespace omni::train {

namespace {

bool could_be_trained(const Graph& graph, ValueId id) {
  const Value& v = graph.value(id);
  const bool held = v.kind == ValueKind::kConstant || (v.kind == ValueKind::kState && v.role == Role::kParameter);
  if (v.erased || !held || v.type.dtype != DType::kF32 || v.type.rank() == 0) return false;
  const ParamKind kind = parameter_kind(graph, id);
  return kind != ParamKind::kNo && kind != ParamKind::kBuffer;
}

std::vector<ValueId> candidates(const Graph& graph) {
  std::vector<ValueId> ids;
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    if (could_be_trained(graph, id)) ids.push_back(id);
  }
  return ids;
}

}  // namespace

ParamKind parameter_kind(const Graph& graph, ValueId id) {
  ParamKind found = ParamKind::kNo;
  for (const Use& use : graph.value(id).uses) {
    const Node& n = graph.node(use.node);
    if (static_cast<int>(use.index) >= n.own_inputs()) continue;
    ParamKind kind = n.op->input_formal(static_cast<int>(use.index)).param;
    if (kind == ParamKind::kNo && n.op == &ops::kAdd) kind = ParamKind::kBias;
    if (kind == ParamKind::kNo && n.op == &ops::kMul) kind = ParamKind::kScale;
    const bool passes_on = (use.index == 0 && (n.op->has(kView) || n.op == &ops::kTranspose)) || (use.index == 1 && n.op == &ops::kWhere && graph.value(n.inputs[0]).role == Role::kMask);
    if (kind == ParamKind::kNo && passes_on) kind = parameter_kind(graph, n.outputs[0]);
    if (kind != ParamKind::kNo && (found == ParamKind::kNo || kind == ParamKind::kWeight)) found = kind;
  }
  return found;
}

std::vector<std::string> trainable_names(const Graph& graph) {
  std::vector<std::string> names;
  for (const ValueId id : candidates(graph)) names.push_back(graph.value(id).name);
  return names;
}

bool is_chosen(const MarkOptions& options, std::string_view name) {
  return (options.train.empty() || matches_any(options.train, name)) && !matches_any(options.freeze, name);
}

std::vector<ValueId> mark_parameters(Graph& graph, const MarkOptions& options) {
  const std::vector<ValueId> all = candidates(graph);
  const std::vector<std::string> names = trainable_names(graph);
  require_matches(options.train, names, "parameter", "--train");
  require_matches(options.freeze, names, "parameter", "--freeze");
  std::vector<ValueId> marked;
  for (const ValueId id : all) {
    if (!is_chosen(options, graph.value(id).name)) {
      if (graph.value(id).kind == ValueKind::kState) graph.make_constant(id);
      continue;
    }
    graph.make_state(id, Role::kParameter);
    marked.push_back(id);
  }
  if (marked.empty()) {
    throw Error(ErrorCode::kInvalidArgument, all.empty() ? "the model has no f32 weights that could be trained" : "nothing is left to train",
                "graph " + quoted(graph.name()), all.empty() ? "train the f32 model and compress it afterwards" : "let --freeze leave something");
  }
  return marked;
}

void unmark_states(Graph& graph) {
  for (const ValueId id : graph.states()) graph.make_constant(id);
}

}  // namespace omni::train
