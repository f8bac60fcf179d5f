// INT8 weights and activations, calibrated on data.
#include "compress/quantize/calibrate.h"
#include "compress/quantize/static.h"
#include "compress/recipe/step_list.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    {.name = "samples", .help = "to calibrate on, the first of the data", .kind = OptionKind::kCount, .fallback = "512", .low = 1},
    {.name = "observer", .help = "how an activation's range is chosen", .kind = OptionKind::kChoice, .fallback = "mse", .choices = "minmax|percentile|entropy|mse"},
    {.name = "percentile", .help = "of the values inside the range, for observer percentile", .kind = OptionKind::kShare, .fallback = "99.99%", .low = 50, .high = 100},
};

Observer observer_of(const StepOptions& options) {
  for (const Observer observer : {Observer::kMinMax, Observer::kPercentile, Observer::kEntropy}) {
    if (observer_name(observer) == options.text("observer")) return observer;
  }
  return Observer::kMse;
}

void apply(StepContext& context) {
  const StaticPlan plan = plan_static(context.graph, context.passes);
  if (plan.nodes.empty()) context.notes().emplace_back("nothing in this network has an integer form");
  CalibrateOptions calibration;
  calibration.samples = context.options.count("samples");
  calibration.pool = context.input.pool ? context.input.pool : std::make_shared<ThreadPool>(0);
  calibration.isa = context.input.isa;
  calibration.progress = context.input.progress;
  const auto histograms = calibrate(context.graph, plan.observed, *context.input.data->source, calibration);
  context.tensors = apply_static(context.graph, plan, histograms, observer_of(context.options), context.options.share("percentile") * 100, context.passes);
}

}  // namespace

extern const StepDef kInt8Static = {
    .name = "int8-static",
    .purpose = "8-bit weights and activations, whose ranges are measured on data",
    .options = kOptions,
    .needs_data = true,
    .apply = apply,
};

}  // namespace omni::compress::steps
