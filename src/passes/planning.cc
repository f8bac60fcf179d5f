#include "passes/planning.h"

#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/expand.h"
#include "passes/fold.h"
#include "passes/layout.h"

namespace omni::passes {

namespace {

constexpr Pass kPlanning[] = {
    {"fold", fold},
    {"expand", expand},
    {"cse", cse},
    {"layout", layout},
    {"dce", dce},
};

}  // namespace

std::span<const Pass> planning_passes() { return kPlanning; }

}  // namespace omni::passes
