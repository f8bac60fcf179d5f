// INT4 weights in groups, float arithmetic.
#include "compress/quantize/weight_only.h"
#include "compress/recipe/step_list.h"
#include "core/error.h"

namespace omni::compress::steps {

namespace {

constexpr StepOption kOptions[] = {
    {.name = "group", .help = "weights that share a scale: a power of two", .kind = OptionKind::kCount, .fallback = "32", .low = 16, .high = 1 << 20},
    {.name = "keep_ends_int8", .help = "first and last layers and embeddings in 8 bits", .kind = OptionKind::kFlag, .fallback = "true"},
};

void check(const StepOptions& options) {
  const int64_t group = options.count("group");
  if ((group & (group - 1)) != 0) throw Error(ErrorCode::kInvalidArgument, "group: expected a power of two, found " + std::to_string(group));
}

void apply(StepContext& context) {
  quantize_weights_int4(context.graph, {context.options.count("group"), context.options.flag("keep_ends_int8")}, context.passes);
}

}  // namespace

extern const StepDef kInt4Weight = {
    .name = "int4-weight",
    .purpose = "4-bit weights in groups, float arithmetic",
    .options = kOptions,
    .check = check,
    .apply = apply,
};

}  // namespace omni::compress::steps
