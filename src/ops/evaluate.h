// Runs one node on constants, through its own kernel: constant folding and tests need no runtime.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/thread_pool.h"
#include "ops/op_list.h"

namespace omni::ops {

// What an evaluation may take; a node that takes more is left alone.
struct EvaluationLimits {
  int64_t operations = INT64_MAX;  // beside its elements, each of which may be read and written a few times
  size_t growth = SIZE_MAX;        // bytes of outputs beyond those of the inputs
};

// The outputs of `node` for these inputs (an undefined optional input: std::nullopt), nothing where it cannot run alone (no kernel and no
// expansion, bodies, random). Tensors are plain. Throws Error for wrong types and shapes, and (kInvalidData) when the kernel reports a failure.
std::optional<std::vector<Tensor>> evaluate(const Node& node, std::span<const std::optional<Tensor>> inputs, ThreadPool& pool, Isa isa,
                                            const EvaluationLimits& limits = {});

}  // namespace omni::ops
