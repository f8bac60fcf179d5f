// A session's engine room: plans by input shapes, arenas, and the walk over a plan's steps. One thread at a time; never moved.
#pragma once

#include <deque>
#include <unordered_map>

#include "runtime/plan.h"
#include "runtime/session.h"

namespace omni::runtime {

// The memory of one depth of the segment chain. A segment's values in it are dead when a run reaches that depth, so it may move then.
struct Arena {
  std::shared_ptr<std::byte> memory;
  size_t bytes = 0;

  // True when the memory moved. Throws Error (kMachine).
  bool grow(size_t needed);
};

struct Executor {
  // `around`: the executor of the graph whose node has this graph as a body.
  Executor(std::shared_ptr<const Graph> shared, SessionOptions wishes, Executor* around = nullptr, Arrangement arrangement = {});

  // `views`: see Session::run. With `tensors_out` (and no views) the results are tensors of their own, which nothing changes later.
  Result run(std::span<const Tensor> tensors, std::span<TensorView> views, std::vector<Tensor>* tensors_out = nullptr) noexcept;
  void execute(std::span<const Tensor> tensors, std::span<TensorView> views);
  void make_bodies();
  void check_inputs(std::span<const Tensor> tensors) const;
  void check_outputs(std::span<TensorView> views) const;
  Plan& find_plan(std::span<const Tensor> tensors);
  Plan& add_plan(std::span<const Shape> shapes);
  void reserve_arena(size_t depth, size_t bytes);
  void run_segment(Segment& segment);
  void bind_outputs(const Segment& segment);
  void bind_output(const OutputSpec& spec, void* fallback);
  void give_whole(const OutputSpec& spec);
  void resolve(Segment& segment);
  void* address(const Place& place);
  void run_steps(Segment& segment);
  Segment& follow(Segment& segment);
  void keep_path();
  void produce(Segment& segment);
  std::vector<uint32_t> choose_observed(const Segment& segment);
  Tensor peek(const Segment& segment, ValueId id) { return tensor_of(segment.values[id]); }
  Tensor tensor_of(const ValueState& value);
  std::vector<Tensor> produce_results(const Segment& segment, const Node& node);
  std::unique_ptr<Segment> plan_next(const Segment& segment);
  void finish(const Segment& segment);
  std::string name_of(const Node& node) const;
  // Counts what the run takes; throws Error beyond the limit.
  void spend(int64_t operations);

  SessionOptions options;
  std::shared_ptr<const Graph> graph;
  std::shared_ptr<StateSet> states;
  std::shared_ptr<ThreadPool> pool;
  Profiler profiler;
  Profiler* clock = &profiler;  // that of the session, in bodies too
  Executor* whole_run = this;   // the session's own, which counts for all bodies
  int64_t spent = 0;
  double inner_seconds = 0;     // in the bodies of the node that is produced now
  Model model;
  std::vector<int> state_slots;              // by Model::states
  std::vector<std::unique_ptr<Plan>> plans;  // the newest first
  std::deque<Arena> arenas;                  // by depth
  uint64_t generation = 0;                   // raised when an arena moves
  uint64_t plans_made = 0;
  size_t later_segments = 0;  // made since only the path of a run was kept
  std::unordered_map<NodeId, std::vector<std::unique_ptr<Executor>>> bodies;  // of the nodes that have some

  // Of the run at hand.
  std::span<const Tensor> given;
  std::span<TensorView> wanted;
  std::vector<Tensor>* results = nullptr;     // where they are wanted as tensors
  std::vector<Tensor> whole;                  // by output: boxed ones that views were given of
  std::vector<void*> output_data, next_data;  // by output, by state
  std::vector<bool> holds;                    // by commit: whether its guard does
  std::vector<Tensor> produced;               // by value
  std::vector<std::byte> key;
  StatusSlot status;
  const Node* failed = nullptr;
};

}  // namespace omni::runtime
