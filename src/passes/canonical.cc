#include "passes/canonical.h"

#include "passes/cse.h"
#include "passes/dce.h"
#include "passes/fold.h"
#include "passes/fuse/batch_norm.h"
#include "passes/fuse/matmul_bias.h"
#include "passes/inline_if.h"

namespace omni::passes {

namespace {

constexpr Pass kCanonical[] = {
    {"fold", fold}, {"inline_if", inline_if}, {"fuse_batch_norm", fuse_batch_norm}, {"fuse_matmul_bias", fuse_matmul_bias}, {"cse", cse}, {"dce", dce},
};

}  // namespace

std::span<const Pass> canonical_passes() { return kCanonical; }

}  // namespace omni::passes
