// ai.omni.StopGradient: the identity, through which no gradient flows (teachers, averages, the maximum inside a softmax).
#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"x"}};
constexpr Formal kOutputs[] = {{"y"}};

void infer(InferContext& c) { c.set(0, c.input(0), c.contents(0) != nullptr ? std::optional<Contents>(*c.contents(0)) : std::nullopt); }

}  // namespace

constinit const OpDef kStopGradient = {.name = "StopGradient",
                                       .domain = "ai.omni",
                                       .inputs = kInputs,
                                       .outputs = kOutputs,
                                       .traits = kView | kElementwise | kStopsGradient | kF16Safe,
                                       .layout = LayoutRule::kAny,
                                       .infer = infer};

}  // namespace omni::ops
