#include "passes/planning.h"

#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/expand.h"
#include "passes/fold.h"
#include "passes/fuse/activation.h"
#include "passes/fuse/attention.h"
#include "passes/fuse/batch_norm.h"
#include "passes/fuse/block_weights.h"
#include "passes/fuse/layer_norm.h"
#include "passes/fuse/matmul_bias.h"
#include "passes/fuse/smooth_activation.h"
#include "passes/hoist_invariants.h"
#include "passes/identities.h"
#include "passes/inline_if.h"
#include "passes/layout.h"
#include "passes/lower_qdq.h"
#include "passes/transposes.h"

namespace omni::passes {

namespace {

constexpr Pass kPlanning[] = {
    {"fold", fold},
    {"inline_if", inline_if},
    {"hoist_invariants", hoist_invariants},
    {"sink_constants", sink_constants},
    {"expand_quantized", expand_quantized},
    {"lower_qdq", lower_qdq},
    {"expand", expand},
    {"drop_identities", drop_identities},
    {"fuse_block_weights", fuse_block_weights},
    {"decode_weights", decode_weights},
    {"fuse_batch_norm", fuse_batch_norm},
    {"fuse_matmul_bias", fuse_matmul_bias},
    {"cse", cse},
    {"fuse_attention", fuse_attention},
    {"eliminate_transposes", eliminate_transposes},
    {"fuse_layer_norm", fuse_layer_norm},
    {"fuse_smooth_activation", fuse_smooth_activation},
    {"fuse_activation", fuse_activation},
    {"layout", layout},
    {"dce", dce},
};

}  // namespace

std::span<const Pass> planning_passes() { return kPlanning; }

}  // namespace omni::passes
