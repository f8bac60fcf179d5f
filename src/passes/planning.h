// The passes a session runs before it plans, in order. A list of its own, so that a runtime keeps no other pass alive.
#pragma once

#include <span>

#include "graph/pass.h"

namespace omni::passes {

std::span<const graph::Pass> planning_passes();

}  // namespace omni::passes
