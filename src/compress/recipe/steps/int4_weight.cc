// INT4 weights in groups, float arithmetic, without data.
#include "compress/recipe/step_list.h"
#include "compress/recipe/steps/block_options.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    kGroupOption,
    kBitsOption,
    {.name = "rounding", .help = "how scales are chosen: the extremes, the least squared error, or the least sum of error^0.7 (half-quadratic)",
     .kind = OptionKind::kChoice, .fallback = "search", .choices = "minmax|search|hqq"},
    kEndsOption,
};

void apply(StepContext& context) {
  BlockOptions blocks = block_options(context.options);
  const std::string& rounding = context.options.text("rounding");
  blocks.choice = rounding == "minmax" ? BlockChoice::kMinMax : rounding == "hqq" ? BlockChoice::kHalfQuadratic : BlockChoice::kGrid;
  quantize_weights_blocks(context.graph, blocks, context.passes);
}

}  // namespace

extern const StepDef kInt4Weight = {
    .name = "int4-weight",
    .purpose = "4-bit weights in groups, float arithmetic",
    .options = kOptions,
    .check = check_group,
    .apply = apply,
};

}  // namespace omni::compress::steps
