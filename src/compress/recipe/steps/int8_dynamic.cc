// INT8 weights, activations quantized as they come.
#include "compress/quantize/dynamic.h"
#include "compress/recipe/step_list.h"

namespace omni::compress::steps {

extern const StepDef kInt8Dynamic = {
    .name = "int8-dynamic",
    .purpose = "8-bit weights, activations quantized at run time",
    .apply = [](StepContext& context) { quantize_dynamic(context.graph, context.passes); },
};

}  // namespace omni::compress::steps
