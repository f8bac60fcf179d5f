// Builds one segment of a plan: infers shapes up to where they depend on data, shares memory, binds kernels, places blocks.
//
// Memory sharing: a view is its input's bytes; the first output of an in-place operator takes an input's block that nobody reads later. A block that
// becomes a graph output or a state's next value is written where it belongs; where one block would have to be two of them, the rest are copies at
// the end of the run. Blocks of inputs, constants, states and earlier segments are never written.
#pragma once

#include "runtime/memory_plan.h"
#include "runtime/plan.h"

namespace omni::runtime {

class SegmentBuilder {
 public:
  // `observed`: the node at `begin` has been given the contents it asked for; if its outputs are still unknown, that is an error.
  SegmentBuilder(Model& model, DimTable& dims, std::vector<ValueState> values, size_t begin, int depth, std::deque<Tensor> owned, bool observed);
  // Throws Error.
  std::unique_ptr<Segment> build();

 private:
  enum class How : uint8_t { kStep, kView, kFolded };
  struct Block {
    size_t bytes = 0;
    int32_t first = 0, last = 0;
    Place target;  // kNone: the arena
    size_t arena_block = 0;
  };
  struct Bound {
    std::shared_ptr<const Binding> binding;
    size_t scratch_block = 0;
  };

  const Node& node_at(size_t t) const { return graph_.node(model_.order[segment_->begin + t]); }
  int32_t after_last() const { return static_cast<int32_t>(how_.size()); }

  void infer_nodes();
  bool moves_strings(const Node& node) const;
  bool stops_at(const Node& node, bool concrete, size_t position);
  void record_outputs(const Node& node, const std::vector<InferValue>& outputs);
  How fold(const Node& node);

  void assign_blocks();
  void share_or_add(const Node& node, size_t t);
  int32_t block_to_share(const Node& node, size_t t) const;
  int32_t last_read(ValueId id, int32_t t) const;
  void add_to_block(ValueId id, int32_t block, int32_t t);
  void aim_blocks();
  void aim(ValueId id, Place target);

  void bind_steps();
  void count_operations(const Node& node, std::span<const PlannedValue> inputs, std::span<const PlannedValue> outputs);
  std::shared_ptr<const Binding> bind(const Node& node, NodeId id, std::span<const PlannedValue> inputs, std::span<const PlannedValue> outputs);
  PlannedValue planned(ValueId id) const;
  void place_blocks();
  void make_steps();
  void make_views(const Node& node, Step& step);
  StepProfile profile_of(NodeId id) const;
  void register_profile();
  void finish();
  void copy_to(ValueId id, Place target);
  void keep_tail();

  Model& model_;
  const Graph& graph_;
  DimTable& dims_;
  std::unique_ptr<Segment> segment_;
  std::vector<ValueState> values_;
  bool observed_;
  std::vector<How> how_;           // by position from begin
  std::vector<int32_t> block_of_;  // by value; -1: not in a block of this segment
  std::vector<Block> blocks_;
  std::vector<ArenaBlock> arena_;
  std::vector<Bound> bound_;                          // by position
  std::vector<std::pair<size_t, size_t>> fallbacks_;  // index in segment_->outputs, index in arena_
};

}  // namespace omni::runtime
