// INT8 weights and activations, calibrated on data.
#include "compress/quantize/bias_correction.h"
#include "compress/quantize/static.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/block_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    kSamplesOption,
    {.name = "observer", .help = "how an activation's range is chosen", .kind = OptionKind::kChoice, .fallback = "mse", .choices = "minmax|percentile|entropy|mse"},
    {.name = "percentile", .help = "of the values inside the range, for observer percentile", .kind = OptionKind::kShare, .fallback = "99.99%", .low = 50, .high = 100},
    {.name = "bias_correction", .help = "biases make up for what rounded weights do to the mean of the outputs", .kind = OptionKind::kFlag, .fallback = "false"},
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
  const CalibrateOptions calibration = calibrate_options(context);
  if (context.options.flag("bias_correction")) correct_biases(context.graph, plan.nodes, *context.input.data->source, calibration, context.passes);
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
