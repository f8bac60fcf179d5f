// A plan: what one set of input shapes makes of a graph. Everything is decided here, so that running is a walk over a list.
//
// A plan is a chain of segments. Inside a segment every shape is known; a segment ends where a shape depends on computed numbers: before a node that
// must first see the contents of an input (kObserve), or after a node that allocates its own outputs (kProduce). What follows is planned when
// those are known, and kept by what was seen. Each depth of the chain has an arena of its own, shared by all plans of the session, so values of
// an earlier segment stay where they are. Addresses are places (space, index, offset) that a run resolves; those of the arena only when it moved.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "core/kernel_args.h"
#include "graph/graph.h"
#include "runtime/profiler.h"
#include "runtime/session.h"

namespace omni::runtime {

using namespace graph;

enum class Space : uint8_t {
  kNone,
  kArena,     // index: the segment's depth
  kConstant,  // offset: the address itself
  kInput,     // index: which input of the graph
  kOutput,    // index: which output
  kState,     // index: which of Model::states; its value before the run
  kNext,      // its value after the run
  kProduced,  // index: the value's id
};

struct Place {
  Space space = Space::kNone;
  uint32_t index = 0;
  size_t offset = 0;
  bool operator==(const Place&) const = default;
};

// What planning knows about a value.
struct ValueState {
  bool known = false;
  DType dtype = DType::kF32;
  Shape shape;
  Place place;
  std::optional<Contents> contents;
  const Tensor* constant = nullptr;  // the same in every run of this segment
  bool fixed = false;                // `constant` is the graph's own
  TypeKind kind = TypeKind::kTensor;

  // Neither bytes of the arena nor a shape that says how many: strings, sequences, optionals. Such a value is an input, a constant or produced.
  bool boxed() const { return kind != TypeKind::kTensor || dtype == DType::kString; }
  size_t bytes() const { return packed_bytes(dtype, static_cast<size_t>(shape.count())); }
};

struct Step {
  KernelFn fn = nullptr;
  KernelArgs args;
  std::shared_ptr<const Binding> binding;
  NodeId node = kNone;
  size_t scratch = 0;  // offset in the arena
  size_t profile = 0;  // index of the profiler's step
};

struct Slot {
  Place place;
  void** target;
};

struct OutputSpec {
  uint32_t index;
  DType dtype;
  Shape shape;
  size_t fallback;     // offset in the arena, for callers that bind no memory
  bool whole = false;  // it is a boxed or produced value as it stands: of `value`
  ValueState value = {};
};

struct Copy {
  Place from, to;
  size_t bytes;
};

enum class SegmentEnd : uint8_t { kFinal, kObserve, kProduce };

struct Segment {
  int depth = 0;
  size_t begin = 0, end = 0;  // positions in Model::order
  std::vector<Step> steps;
  std::vector<ConstTensorView> input_views;  // of all steps, one after the other
  std::vector<TensorView> output_views;
  std::vector<Slot> arena_slots, outer_slots;
  std::vector<OutputSpec> outputs;  // written by this segment, or by its copies
  std::vector<Copy> copies;         // after the last step of the last segment
  std::vector<Place> guards;        // of each commit (kNone: always), in the last segment
  size_t arena_bytes = 0, lower_bound = 0;
  int64_t operations = 0;  // counted where they are limited
  uint64_t resolved = 0;  // the generation of the arena its slots point into
  std::deque<Tensor> owned;

  SegmentEnd kind = SegmentEnd::kFinal;
  std::vector<ValueState> values;                       // where the next segment starts from
  std::vector<uint32_t> observe;                        // kObserve: which inputs of the node at `end`, found at the first time
  std::vector<PlannedValue> tail_inputs, tail_outputs;  // kProduce: the node at end - 1
  size_t tail_profile = 0;                              // its place in the profiler
  struct Next {
    std::vector<std::byte> key;
    std::unique_ptr<Segment> segment;
  };
  std::vector<Next> next;  // the newest first
};

inline constexpr int64_t kNodeOperations = 100;  // what any node counts for where operations are limited

struct Plan {
  std::vector<Shape> key;
  std::unique_ptr<Segment> first;
};

// What all plans of a session share.
struct Model {
  std::shared_ptr<const Graph> graph;
  std::vector<NodeId> order;           // nodes somebody needs
  std::vector<bool> unpacked;          // see Arrangement
  std::vector<int32_t> last_position;  // by value: its last reader in `order`, INT32_MAX for outputs and commits, -1 unread
  std::vector<ValueId> states;
  std::vector<uint32_t> input_index, state_index;  // by value, kNone for others
  Isa isa = Isa::kScalar;
  RunLimits limits;
  Profiler* profiler = nullptr;  // where plans register their steps, if anybody profiles
  bool body = false;             // of a node: what the graph says about sizes of its inputs is a hint

  // Bindings of the plans that live, by node; packed weights are shared by plans that agree in a node's shapes.
  struct CachedBinding {
    std::vector<Shape> shapes;
    std::weak_ptr<const Binding> binding;
  };
  std::vector<std::vector<CachedBinding>> bindings;
};

// Throws Error (kUnsupported) naming every node that no kernel, view or expansion can run.
Model make_model(std::shared_ptr<const Graph> graph, Isa isa, Arrangement arrangement = {});

// Checks shapes against the graph's inputs (fixed dimensions, symbols that occur twice) and plans the first segment. Throws Error.
std::unique_ptr<Plan> make_plan(Model& model, std::span<const Shape> shapes);

// Plans what follows position `begin` of the order, from `values`. `owned` are tensors that values' constants point to; `observed`: the node at
// `begin` has been given the contents it asked for.
std::unique_ptr<Segment> make_segment(Model& model, DimTable& dims, std::vector<ValueState> values, size_t begin, int depth,
                                      std::deque<Tensor> owned = {}, bool observed = false);

// Infers one node from what is known; `seen` (may be empty) gives contents to its inputs. True when every output is concrete. Throws the operator's
// Error.
bool infer_concrete(const Graph& graph, DimTable& dims, const Node& node, const std::vector<ValueState>& values, std::span<const Tensor* const> seen,
                    std::vector<InferValue>& outputs);

}  // namespace omni::runtime
