#include "compress/recipe/steps/block_options.h"

#include "core/error.h"

namespace omni::compress::steps {

void check_group(const StepOptions& options) {
  const int64_t group = options.count("group");
  if ((group & (group - 1)) != 0) throw Error(ErrorCode::kInvalidArgument, "group: expected a power of two, found " + std::to_string(group));
}

BlockOptions block_options(const StepOptions& options) {
  BlockOptions blocks;
  blocks.group = options.count("group");
  blocks.bits = static_cast<int>(options.count("bits"));
  blocks.keep_ends_int8 = options.flag("keep_ends_int8");
  return blocks;
}

CalibrateOptions calibrate_options(const StepContext& context) {
  CalibrateOptions calibration;
  calibration.samples = context.options.count("samples");
  calibration.pool = context.input.pool ? context.input.pool : std::make_shared<ThreadPool>(0);
  calibration.isa = context.input.isa;
  calibration.progress = context.input.progress;
  return calibration;
}

}  // namespace omni::compress::steps
