// ai.omni.ChannelsLastView: x[N,C,d1…] stored channels-last, seen as the plain tensor [N,d1…,C] of the same bytes: Transpose for free.
#include <algorithm>

#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr Formal kInputs[] = {{"input"}};
constexpr Formal kOutputs[] = {{"output"}};

void infer(InferContext& c) {
  Type type = c.input(0);
  if (!type.ranked || type.rank() < 3) c.fail("a tensor of rank 3 or more is expected");
  std::rotate(type.dims.begin() + 1, type.dims.begin() + 2, type.dims.end());
  c.set(0, std::move(type));
}

}  // namespace

constinit const OpDef kChannelsLastView = {.name = "ChannelsLastView",
                                           .domain = "ai.omni",
                                           .inputs = kInputs,
                                           .outputs = kOutputs,
                                           .traits = kView | kQuantTransparent | kF16Safe,
                                           .layout = LayoutRule::kChannelsLast,
                                           .channels_last_inputs = 1,
                                           .infer = infer};

}  // namespace omni::ops
