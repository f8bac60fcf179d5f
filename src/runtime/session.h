// A session runs one graph: plans once for each set of input shapes, then runs without allocating.
//
// The graph is prepared by the planning passes when the session is made. run() plans when it sees new shapes (the last 8 sets stay planned) and
// executes: no exception, no crash, a Result. A failed run commits no state. Results are the same bytes for every number of threads.
// One thread uses a session at a time; several sessions may share one const Graph, one pool, and, serialized by their owner, one StateSet.
// Inputs and bound outputs must not overlap in memory.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/isa.h"
#include "core/thread_pool.h"
#include "graph/graph.h"
#include "graph/pass.h"
#include "runtime/profiler.h"
#include "runtime/result.h"
#include "runtime/state_set.h"

namespace omni::runtime {

// What one run may ask for. A model of a stranger's that wants more fails with an Error, instead of taking the machine or never coming back.
struct RunLimits {
  static constexpr int64_t kNone = INT64_MAX;

  int64_t value_bytes = kNone;           // of one value, and of the intermediate values of a segment together
  int64_t operations = kNone;            // as the operators count them (runtime/cost.h), at least one an element moved and a hundred a node
  int64_t body_runs = int64_t{1} << 31;  // of one node: a Loop that asks for more fails
};

// How a session runs its graph, where not as it stands.
struct Arrangement {
  std::vector<NodeId> order;   // of all nodes that somebody needs; empty: the graph's own
  std::vector<bool> unpacked;  // by node: its constant weights are packed in each run, into scratch, instead of once; empty: none
};

struct SessionOptions {
  Isa isa = detect_isa();
  int threads = 0;                        // 0: one per physical core; not asked when a pool is given
  std::shared_ptr<ThreadPool> pool = {};  // default: the session's own
  bool optimize = true;                   // run the planning passes; false for a graph that went through them (prepare())
  std::set<std::string, std::less<>> disabled_passes = {};
  bool profile = false;                                              // time every node
  std::shared_ptr<StateSet> states = {};                             // default: the session's own; states it lacks are added to it
  std::map<std::string, std::string, std::less<>> state_names = {};  // a state of the graph → its name in the set, where they differ
  size_t max_plans = 8;
  RunLimits limits = {};
  std::function<void(std::string_view pass, const Graph&)> after_pass = {};  // for printing
  std::function<Arrangement(Graph& prepared)> arrange = {};  // after the passes: may change the graph once more (runtime/savings.h)
};

// What a plan takes, for `inspect` and tests.
struct PlanInfo {
  size_t steps = 0;           // kernels that run
  size_t segments = 1;        // those known before the run
  size_t arena_bytes = 0;     // intermediate values and scratch
  size_t lower_bound = 0;     // the most bytes alive at any one step: no arrangement needs less
  size_t constant_bytes = 0;  // read in place
  size_t state_bytes = 0;     // once; committed states take a second copy
  size_t output_bytes = 0;    // results whose shapes are known before the run
};

class Session {
 public:
  // Throws Error: what the passes throw; kUnsupported naming every node that cannot run, all at once.
  explicit Session(Graph graph, SessionOptions options = {});
  // With optimize == false the graph is shared, else a clone of it is prepared (its bytes stay shared).
  explicit Session(std::shared_ptr<const Graph> graph, SessionOptions options = {});
  ~Session();
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;

  const Graph& graph() const;  // as prepared; its inputs and outputs are those of the graph given
  size_t input_count() const;
  size_t output_count() const;
  const std::string& input_name(size_t i) const;
  const std::string& output_name(size_t i) const;
  // -1: no such name.
  int input_index(std::string_view name) const;
  int output_index(std::string_view name) const;

  // Inputs in the graph's order. `outputs` is empty or has one view an output: where its data is set, dtype and shape must be the result's and the
  // result is written there; else it comes back pointing to memory of the session, valid until the next run or plan.
  // Allocates nothing when these shapes are planned (and no state's bytes were given out since).
  Result run(std::span<const Tensor> inputs, std::span<TensorView> outputs) noexcept;
  // The same by name, into new tensors; throws Error.
  std::map<std::string, Tensor> run(const std::map<std::string, Tensor>& inputs);
  std::vector<Tensor> run(std::span<const Tensor> inputs);

  // Plans these input shapes ahead of the first run; throws Error. The plan's first segment is what can be told. `reserve`: its arena, too.
  PlanInfo plan(std::span<const Shape> shapes, bool reserve = true);
  // How many plans (and later segments) were made so far.
  uint64_t plans_made() const;

  const std::shared_ptr<StateSet>& states() const;
  const std::shared_ptr<ThreadPool>& pool() const;
  Isa isa() const;
  // Of the runs since reset(); empty without SessionOptions::profile.
  const Profiler& profiler() const;
  Profiler& profiler();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// What the planning passes made of a graph.
struct Preparation {
  std::shared_ptr<const Graph> graph;  // ready to be shared by sessions with optimize == false
  std::vector<PassReport> passes;      // those that ran
  std::vector<std::string> notes;      // why nodes stayed as they were
};

// Throws what the passes throw.
Preparation prepare_reported(Graph graph, const SessionOptions& options = {});
std::shared_ptr<const Graph> prepare(Graph graph, const SessionOptions& options = {});

}  // namespace omni::runtime
