// Larger weights for channels with large inputs, in front of 4-bit rounding.
#include "compress/quantize/weights_from_data.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/block_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {kSamplesOption, kGroupOption, kBitsOption, kEndsOption};

void apply(StepContext& context) {
  scale_by_activations(context.graph, block_options(context.options), *context.input.data->source, calibrate_options(context), context.passes);
}

}  // namespace

extern const StepDef kAwq = {
    .name = "awq",
    .purpose = "scales weights by the size of their inputs (AWQ) before a step that rounds them to 4 bits with the same group",
    .options = kOptions,
    .needs_data = true,
    .prepares = true,
    .check = check_group,
    .apply = apply,
};

}  // namespace omni::compress::steps
