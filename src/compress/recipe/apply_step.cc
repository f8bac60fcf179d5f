// One step: canonical form, the step itself, and what it did to every weight.
#include "compress/recipe/step.h"
#include "compress/recipe/weight_report.h"
#include "core/error.h"
#include "passes/canonical.h"

namespace omni::compress {

void check_needs(const StepDef& step, const train::SampleData* data) {
  if (step.needs_data && data == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "it works on samples, and there is no data", "step " + std::string(step.name), "give --data");
  }
  if (step.needs_targets && data->target_field() == nullptr) {
    throw Error(ErrorCode::kInvalidArgument, "it needs samples with labels or target values", "step " + std::string(step.name),
                "name the column or array that holds them with --target");
  }
}

StepResult apply_step(const Graph& graph, const StepDef& step, const StepOptions& options, const StepInput& input) {
  check_needs(step, input.data);
  if (step.check != nullptr) step.check(options);
  StepContext context{input, options, graph.clone(), {}, {}};
  context.passes.isa = input.isa;
  if (step.canonical) run_passes(context.graph, passes::canonical_passes(), context.passes);
  const Graph before = context.graph.clone();
  step.apply(context);
  verify(context.graph);
  StepResult result;
  result.layers = report_weights(before, context.graph, context.passes.notes);
  result.graph = std::move(context.graph);
  result.tensors = std::move(context.tensors);
  result.notes = std::move(context.passes.notes);
  return result;
}

}  // namespace omni::compress
