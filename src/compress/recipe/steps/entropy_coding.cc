// The package's weights entropy-coded.
#include "compress/recipe/step_list.h"
#include "formats/package/package.h"

namespace omni::compress::steps {

extern const StepDef kEntropyCoding = {
    .name = "entropy-coding",
    .purpose = "the package's weights are entropy-coded, lossless, and decoded when it is loaded",
    .apply = [](StepContext& context) { context.graph.metadata[std::string(formats::kMetaCoding)] = formats::kRangeCoding; },
};

}  // namespace omni::compress::steps
