// INT8 weights and activations, calibrated on data.
#include "compress/quantize/static_choice.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/block_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    kSamplesOption,
    {.name = "observer", .help = "how an activation's range is chosen; auto: what serves the outputs best", .kind = OptionKind::kChoice, .fallback = "auto",
     .choices = "auto|minmax|percentile|entropy|mse"},
    {.name = "percentile", .help = "of the values inside the range, for observer percentile", .kind = OptionKind::kShare, .fallback = "99.99%", .low = 50, .high = 100},
    {.name = "bias_correction", .help = "biases make up for what rounded weights do to the mean of the outputs; auto: where that serves the outputs",
     .kind = OptionKind::kChoice, .fallback = "auto", .choices = "auto|always|never"},
};

Observer observer_of(const StepOptions& options) {
  for (const Observer observer : {Observer::kMinMax, Observer::kPercentile, Observer::kEntropy, Observer::kMse}) {
    if (observer_name(observer) == options.text("observer")) return observer;
  }
  return Observer::kAuto;
}

Try bias_of(const StepOptions& options) {
  const std::string& text = options.text("bias_correction");
  return text == "always" ? Try::kAlways : text == "never" ? Try::kNever : Try::kConfirmed;
}

void apply(StepContext& context) {
  const StaticOptions options{observer_of(context.options), context.options.share("percentile") * 100, bias_of(context.options)};
  context.tensors = quantize_static(context.graph, options, *context.input.data->source, calibrate_options(context), context.passes);
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
