// What running a graph once means for given input shapes: kernels with their operations and bytes, and memory, found out by planning it without
// running.
//
// Preparing and planning are done as a session does them, for the instruction set asked for where this machine has it, and the allocator is asked
// what they took; the arena and what a run allocates are known from the plan. So the memory is counted, not estimated, up to what the allocator
// wastes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/isa.h"
#include "device/kernel_work.h"
#include "graph/graph.h"
#include "runtime/profiler.h"
#include "runtime/savings.h"

namespace omni::device {

using namespace graph;

struct MemoryUse {       // bytes
  int64_t weights = 0;   // constants in memory of their own
  int64_t mapped = 0;    // constants in a mapped file: the system may drop them and read them again
  int64_t session = 0;   // what preparing and planning add: rewritten and packed weights, plans
  int64_t arena = 0;     // intermediate values and scratch
  int64_t states = 0;    // both copies of states that a run commits, beside their first values among the weights
  int64_t ports = 0;     // inputs and outputs
  int64_t planning = 0;  // the most that preparing holds beyond what stays

  int64_t most() const { return weights + mapped + session + std::max(planning, arena + ports + states); }
};

struct Workload {
  std::vector<runtime::StepProfile> steps;  // in order, of the part whose shapes are known before a run
  std::vector<KernelWork> kernels;          // what each does
  bool whole = true;                        // no shape depends on what is computed
  MemoryUse memory;
  Isa isa = Isa::kScalar;  // that it was planned for
};

// Constants and first values of states, bodies' too, each byte once: fills in `weights` and `mapped`.
MemoryUse constant_use(const Graph& graph);

// `isa` where this machine has it, else the scalar set. Throws what sessions throw. `saved`: what came of the levers.
Workload plan_workload(std::shared_ptr<const Graph> graph, std::span<const Shape> shapes, Isa isa, const runtime::Levers& levers = {},
                       std::shared_ptr<runtime::Saved> saved = nullptr);

}  // namespace omni::device
