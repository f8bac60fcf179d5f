// Declares every step of step_list.inc, for the files that define them.
#pragma once

#include "compress/recipe/step.h"

namespace omni::compress::steps {

#define OMNI_STEP(step) extern const StepDef step;
#include "compress/recipe/step_list.inc"
#undef OMNI_STEP

}  // namespace omni::compress::steps
