// Channels of equal size between layers, in front of 8-bit quantization: without data (equalize), with it (smooth).
#include "compress/quantize/equalize.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/block_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kEqualizeOptions[] = {
    {.name = "replace_relu6", .help = "ReLU6 between layers becomes ReLU, so that its channels can be scaled: values above 6 then pass", .kind = OptionKind::kFlag,
     .fallback = "false"},
};

void equalize(StepContext& context) { equalize_layers(context.graph, context.options.flag("replace_relu6"), context.passes); }

constexpr StepOption kSmoothOptions[] = {
    kSamplesOption,
    {.name = "alpha", .help = "how much of an activation's range goes to the weights: 0 makes the weights even, 1 the activations", .kind = OptionKind::kNumber, .fallback = "0.5", .low = 0, .high = 1},
};

void smooth(StepContext& context) {
  smooth_activations(context.graph, context.options.number("alpha"), *context.input.data->source, calibrate_options(context), context.passes);
}

}  // namespace

extern const StepDef kEqualize = {
    .name = "equalize",
    .purpose = "makes channels of consecutive layers equally large (cross-layer equalization) before a step that quantizes them",
    .options = kEqualizeOptions,
    .prepares = true,
    .apply = equalize,
};

extern const StepDef kSmooth = {
    .name = "smooth",
    .purpose = "moves large channels from activations to weights behind normalizations (SmoothQuant) before a step that quantizes them",
    .options = kSmoothOptions,
    .needs_data = true,
    .prepares = true,
    .apply = smooth,
};

}  // namespace omni::compress::steps
