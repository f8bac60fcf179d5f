// INT8 weights, float arithmetic.
#include "compress/quantize/weight_only.h"
#include "compress/recipe/step_list.h"

namespace omni::compress::steps {

extern const StepDef kInt8Weight = {
    .name = "int8-weight",
    .purpose = "8-bit weights per output channel, float arithmetic",
    .apply = [](StepContext& context) { quantize_weights_int8(context.graph, context.passes); },
};

}  // namespace omni::compress::steps
