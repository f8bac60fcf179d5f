// FP16 and BF16 weights.
#include "compress/quantize/float16.h"
#include "compress/recipe/step_list.h"

namespace omni::compress::steps {

extern const StepDef kFp16 = {
    .name = "fp16",
    .purpose = "weights in half precision, float arithmetic",
    .apply = [](StepContext& context) { convert_to_half(context.graph, DType::kF16, context.passes); },
};

extern const StepDef kBf16 = {
    .name = "bf16",
    .purpose = "weights in bfloat16, float arithmetic",
    .apply = [](StepContext& context) { convert_to_half(context.graph, DType::kBF16, context.passes); },
};

}  // namespace omni::compress::steps
