#include "compress/recipe/step_list.h"

#include "core/error.h"

namespace omni::compress {

namespace {

constexpr const StepDef* kSteps[] = {
#define OMNI_STEP(step) &steps::step,
#include "compress/recipe/step_list.inc"
#undef OMNI_STEP
};

}  // namespace

std::span<const StepDef* const> step_defs() { return kSteps; }

std::vector<std::string> step_names() {
  std::vector<std::string> names;
  for (const StepDef* step : kSteps) names.emplace_back(step->name);
  return names;
}

const StepDef& find_step(std::string_view name) {
  for (const StepDef* step : kSteps) {
    if (step->name == name) return *step;
  }
  const std::vector<std::string> names = step_names();
  std::string fix = did_you_mean(name, names);
  if (fix.empty()) {
    for (const std::string& known : names) fix += (fix.empty() ? "it is one of " : ", ") + known;
  }
  throw Error(ErrorCode::kInvalidArgument, "there is no compression method " + quoted(name), {}, fix);
}

}  // namespace omni::compress
