// One step: canonical form, the step itself, and what it did to every weight.
#include <cstring>

#include "compress/quantize/targets.h"
#include "compress/recipe/step.h"
#include "compress/recipe/weight_error.h"
#include "core/error.h"
#include "passes/canonical.h"

namespace omni::compress {

namespace {

std::string action_of(const Value& before, const Value& after) {
  switch (after.type.dtype) {
    case DType::kI8: return "int8";
    case DType::kU4:
    case DType::kI4: return "int4";
    case DType::kF16: return "f16";
    case DType::kBF16: return "bf16";
    default: break;
  }
  const bool same = before.data.bytes() == after.data.bytes() && std::memcmp(before.data.data(), after.data.data(), before.data.bytes()) == 0;
  return same ? "kept" : "changed";
}

// What the notes say of any of the names: of a weight, of the node that reads it, of that node's output.
std::string reason_of(const std::vector<std::string>& notes, std::initializer_list<std::string_view> names) {
  for (const std::string& note : notes) {
    for (const std::string_view name : names) {
      if (!name.empty() && note.size() > name.size() + 2 && note.starts_with(name) && note.substr(name.size(), 2) == ": ") return note.substr(name.size() + 2);
    }
  }
  return {};
}

// Weights as they were, compared by name with how they are stored now.
std::vector<LayerReport> compare_layers(const Graph& before, const Graph& after, const std::vector<std::string>& notes) {
  const std::vector<WeightTarget> targets = weight_targets(before);
  const std::vector<std::optional<double>> errors = weight_snr(before, after, targets);
  std::vector<LayerReport> layers;
  for (size_t i = 0; i < targets.size(); ++i) {
    const Value& v = before.value(targets[i].value);
    const Node& reader = before.node(targets[i].node);
    LayerReport layer;
    layer.name = v.name;
    layer.op = reader.op->name;
    layer.elements = v.data.count();
    layer.bytes_before = v.data.bytes();
    const ValueId stored = after.find(v.name);
    layer.action = stored == kNone ? "gone" : action_of(v, after.value(stored));
    layer.bytes_after = stored == kNone ? 0 : after.value(stored).data.bytes();
    layer.reason = reason_of(notes, {v.name, reader.name, before.value(reader.outputs[0]).name});
    layer.snr_db = errors[i];
    layers.push_back(std::move(layer));
  }
  return layers;
}

void check_needs(const StepDef& step, const StepInput& input) {
  if (step.needs_data && input.data == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, std::string(step.name) + " works on samples, and there is no data", "step " + std::string(step.name), "give --data");
  }
  if (step.needs_targets && input.data->target_field() == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, std::string(step.name) + " needs samples with labels or target values", "step " + std::string(step.name),
                "name the column or array that holds them with --target");
  }
}

}  // namespace

StepResult apply_step(const Graph& graph, const StepDef& step, const StepOptions& options, const StepInput& input) {
  check_needs(step, input);
  if (step.check != nullptr) step.check(options);
  StepContext context{input, options, graph.clone(), {}, {}};
  context.passes.isa = input.isa;
  if (step.canonical) run_passes(context.graph, passes::canonical_passes(), context.passes);
  const Graph before = context.graph.clone();
  step.apply(context);
  verify(context.graph);
  StepResult result;
  result.layers = compare_layers(before, context.graph, context.passes.notes);
  result.graph = std::move(context.graph);
  result.tensors = std::move(context.tensors);
  result.notes = std::move(context.passes.notes);
  return result;
}

}  // namespace omni::compress
