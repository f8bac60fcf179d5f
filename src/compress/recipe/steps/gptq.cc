// INT4 weights rounded by what it does to the outputs.
#include "compress/quantize/weights_from_data.h"
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/block_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    kSamplesOption,
    kGroupOption,
    kBitsOption,
    kEndsOption,
    {.name = "damping", .help = "of the mean diagonal of the inputs' Gram matrix, added to it", .kind = OptionKind::kShare, .fallback = "1%", .low = 0.001, .high = 100},
    {.name = "act_order", .help = "inputs with large values first", .kind = OptionKind::kFlag, .fallback = "true"},
    {.name = "sequential", .help = "measure every layer behind those that are rounded already: a pass over the samples for each", .kind = OptionKind::kFlag,
     .fallback = "false"},
};

void apply(StepContext& context) {
  const GptqLayers gptq{context.options.share("damping"), context.options.flag("act_order"), context.options.flag("sequential")};
  BlockOptions blocks = block_options(context.options);
  blocks.choice = BlockChoice::kGrid;
  quantize_weights_gptq(context.graph, blocks, gptq, *context.input.data->source, calibrate_options(context), context.passes);
}

}  // namespace

extern const StepDef kGptq = {
    .name = "gptq",
    .purpose = "4-bit weights in groups, rounded by what it does to the outputs on samples (GPTQ), float arithmetic",
    .options = kOptions,
    .needs_data = true,
    .check = check_group,
    .apply = apply,
};

}  // namespace omni::compress::steps
