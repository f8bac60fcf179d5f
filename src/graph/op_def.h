// What an operator is: schema, inference, cost, kernel, expansion. One constinit OpDef an operator, in its own file of ops/.
//
// An operator file of ops/ looks like this (see ops/op_list.inc for the list that makes kSoftmax known):
//
//   constexpr Formal kInputs[] = {{"input"}};                      // {"bias", kOptional}, {"inputs", kVariadic}, {"W", 0, ParamKind::kWeight}
//   constexpr Formal kOutputs[] = {{"output"}};
//   constexpr AttributeDef kAttributes[] = {{"axis", AttributeKind::kInt}};
//   constexpr OpVersion kVersions[] = {{13}, {11, upgrade_from_11}, {1, upgrade_from_11}};   // newest first
//   constinit const OpDef kSoftmax = {.name = "Softmax", .inputs = kInputs, .outputs = kOutputs, .attributes = kAttributes,
//                                     .versions = kVersions, .infer = infer, .cost = cost, .bind = bind};
//
// The graph speaks one version of each operator, the newest known: import upgrades, export lowers.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/isa.h"
#include "core/kernel_args.h"
#include "graph/attribute.h"
#include "graph/type.h"

namespace omni::graph {

class Graph;
struct Node;
struct OpDef;

using ValueId = uint32_t;
using NodeId = uint32_t;
inline constexpr uint32_t kNone = UINT32_MAX;  // an absent optional input, an unwanted optional output, no id

// Flags of a formal input or output. A variadic one is the last and may occur any number of times (one at least unless optional too).
inline constexpr uint8_t kOptional = 1, kVariadic = 2;

// What a float constant in this position is to a trainer (mark_parameters asks).
enum class ParamKind : uint8_t { kNo, kWeight, kBias, kScale, kTable, kSlope, kBuffer };

struct Formal {
  std::string_view name;
  uint8_t flags = 0;
  ParamKind param = ParamKind::kNo;
};

struct AttributeDef {
  std::string_view name;
  AttributeKind kind;
  bool required = false;
};

// Traits: properties that passes and the planner ask instead of listing operator names.
enum Trait : uint32_t {
  kElementwise = 1u << 0,        // output element i depends on the (broadcast) input elements i alone
  kReduction = 1u << 1,
  kView = 1u << 2,               // output 0 is input 0's bytes under another shape: no kernel runs
  kInPlace = 1u << 3,            // output 0 may share the memory of an input of the same size that dies here
  kSideEffect = 1u << 4,         // kept although nobody reads it, never merged
  kRandom = 1u << 5,             // never merged, never folded
  kDataDependent = 1u << 6,      // output shapes are known only after it ran (`produce`)
  kQuantTransparent = 1u << 7,   // commutes with per-tensor dequantization (Reshape, MaxPool, Transpose, …)
  kF16Safe = 1u << 8,
  kStopsGradient = 1u << 9,
  kControlFlow = 1u << 10,       // runs its bodies
  kMovesData = 1u << 11,         // outputs hold input elements as they are (and zeros at most): works for strings by their numbers
  kTakesSequences = 1u << 12,    // its `produce` knows sequences and optionals; others take what they are given for tensors
};

enum class LayoutRule : uint8_t {
  kPlain,         // reads and writes plain tensors only
  kAny,           // elementwise: takes all tensors of rank >= 3 in one layout, whichever, and writes that (bind sees the tags)
  kChannelsLast,  // wants the inputs and outputs of the masks below channels-last, everything else plain
};

// A node on its way in (import) or out (export) of another version of its operator.
struct NodeDraft {
  const OpDef* op = nullptr;
  std::string name;
  std::vector<ValueId> inputs;  // kNone for absent ones
  int output_count = 1;
  Attributes attributes;
  std::vector<ValueId> results;  // set by an upgrade that built its own nodes instead: what the outputs are
};

struct OpVersion {
  int since;
  // Changes a draft of this version into one of the next newer version (nullptr: nothing changed that matters to it). May add nodes and constants.
  void (*upgrade)(Graph&, NodeDraft&) = nullptr;
  // Changes a draft of the next newer version into this one; throws Error (kUnsupported) when that is impossible (nullptr: nothing to change).
  void (*lower)(const Graph&, NodeDraft&) = nullptr;
};

// Inference: pure, from attributes, input types and contents to output types and contents.
struct InferValue {
  bool present = false;
  Type type;
  std::optional<Contents> contents;  // small int64/int32/bool contents, if known
  const Tensor* constant = nullptr;  // the data of a constant
};

class InferContext {
 public:
  InferContext(const OpDef& op, std::string_view node_name, const Attributes& node_attributes, std::span<const InferValue> inputs,
               std::span<InferValue> outputs, std::span<const std::unique_ptr<Graph>> bodies, DimTable& dim_table)
      : attributes(node_attributes), dims(dim_table), op_(op), node_name_(node_name), inputs_(inputs), outputs_(outputs), bodies_(bodies) {}

  const Attributes& attributes;
  DimTable& dims;

  int input_count() const { return static_cast<int>(inputs_.size()); }
  int output_count() const { return static_cast<int>(outputs_.size()); }
  bool has_input(int i) const { return i < input_count() && inputs_[static_cast<size_t>(i)].present; }
  bool wants_output(int i) const { return i < output_count() && outputs_[static_cast<size_t>(i)].present; }
  const Type& input(int i) const { return inputs_[static_cast<size_t>(i)].type; }
  const Contents* contents(int i) const { return has_input(i) && inputs_[static_cast<size_t>(i)].contents ? &*inputs_[static_cast<size_t>(i)].contents : nullptr; }
  const Tensor* constant(int i) const { return has_input(i) ? inputs_[static_cast<size_t>(i)].constant : nullptr; }
  std::span<const std::unique_ptr<Graph>> bodies() const { return bodies_; }

  // An axis in [-rank, rank) as one in [0, rank); fails otherwise.
  int axis(int64_t axis, int rank) const;
  void set(int i, Type type, std::optional<Contents> contents = std::nullopt);
  // Throws Error naming the operator, the node and the input types.
  [[noreturn]] void fail(std::string summary, std::string fix = {}) const;

  // NumPy broadcasting of two symbolic shapes; fails when two constants do not fit. An unknown against a constant > 1 gives the constant.
  std::vector<Dim> broadcast(const std::vector<Dim>& a, const std::vector<Dim>& b) const;

 private:
  const OpDef& op_;
  std::string_view node_name_;
  std::span<const InferValue> inputs_;
  std::span<InferValue> outputs_;
  std::span<const std::unique_ptr<Graph>> bodies_;
};

// A node at plan time: everything concrete.
struct PlannedValue {
  bool present = false;
  DType dtype = DType::kF32;
  Shape shape;  // ONNX order
  Layout layout = Layout::kPlain;
  const Tensor* constant = nullptr;  // its data, in the bytes' layout, when it never changes: may be packed now
  bool packs_each_run = false;       // it never changes, but is packed in each run to save memory: in the way that `constant` would be, to the same results

  size_t bytes() const { return packed_bytes(dtype, static_cast<size_t>(shape.count())); }
  Shape physical() const { return physical_shape(shape, layout); }
};

struct PlannedNode {
  const OpDef& op;
  std::string_view name;
  const Attributes& attributes;
  std::span<const PlannedValue> inputs;
  std::span<const PlannedValue> outputs;
  Isa isa = Isa::kScalar;

  bool has_input(int i) const { return i < static_cast<int>(inputs.size()) && inputs[static_cast<size_t>(i)].present; }
  bool has_output(int i) const { return i < static_cast<int>(outputs.size()) && outputs[static_cast<size_t>(i)].present; }
  const PlannedValue& input(int i) const { return inputs[static_cast<size_t>(i)]; }
  const PlannedValue& output(int i) const { return outputs[static_cast<size_t>(i)]; }
  // Throws Error (kUnsupported) naming the operator, the node, types and shapes.
  [[noreturn]] void unsupported(std::string summary) const;
};

struct Binding {
  KernelFn fn = nullptr;
  std::shared_ptr<const void> params;  // what fn finds in KernelArgs::params (std::make_shared<MyParams>(…))
  size_t scratch_bytes = 0;
};

// Runs the bodies of a node: what `control` is handed.
class BodyRunner {
 public:
  virtual ~BodyRunner() = default;
  virtual const Graph& graph(size_t body) const = 0;
  // `formal`: a value for each formal input of body `body`; what it captures is added. Throws Error; a status of a kernel inside becomes one.
  virtual std::vector<Tensor> run(size_t body, std::span<const Tensor> formal) = 0;
};

struct Cost {
  int64_t operations = 0;  // arithmetic operations, a multiply-add is two
  int64_t bytes = 0;       // read and written, each tensor once; 0: the sum of inputs and outputs
};

struct OpDef {
  std::string_view name;
  std::string_view domain = "";  // "" is ai.onnx; "ai.omni" our own; "com.microsoft"
  std::span<const Formal> inputs = {};
  std::span<const Formal> outputs = {};
  std::span<const AttributeDef> attributes = {};
  std::span<const std::string_view> bodies = {};  // names of the graph attributes in the order of Node::bodies: {"then_branch", "else_branch"}
  std::span<const OpVersion> versions = {};  // newest first
  uint32_t traits = 0;
  LayoutRule layout = LayoutRule::kPlain;
  uint32_t channels_last_inputs = 0;   // bit i: input i, for LayoutRule::kChannelsLast
  uint32_t channels_last_outputs = 0;
  void (*infer)(InferContext&) = nullptr;
  Cost (*cost)(const PlannedNode&) = nullptr;  // nullptr: one operation per output element, bytes as read and written
  Binding (*bind)(const PlannedNode&) = nullptr;
  // The same as primitive nodes added to the graph: the value of each output. The definition of a composite operator.
  std::vector<ValueId> (*expand)(Graph&, const Node&) = nullptr;
  // For kDataDependent: computes owned outputs. Bad data: status, empty result.
  std::vector<Tensor> (*produce)(const PlannedNode&, std::span<const Tensor> inputs, StatusSlot& status) = nullptr;
  // The same for kControlFlow: `inputs` are the node's own. Results keep their bytes (Tensor::keeps_bytes). Bad data: status.
  std::vector<Tensor> (*control)(const PlannedNode&, std::span<const Tensor> inputs, BodyRunner& bodies, StatusSlot& status) = nullptr;

  bool has(Trait t) const { return (traits & t) != 0; }
  int newest() const { return versions.empty() ? 1 : versions.front().since; }
  int min_inputs() const;
  int max_inputs() const;   // INT_MAX when variadic
  int min_outputs() const;
  int max_outputs() const;
  const Formal& input_formal(int i) const { return inputs[std::min(static_cast<size_t>(i), inputs.size() - 1)]; }
};

// "Softmax" or "ai.omni.SumTo".
std::string op_text(const OpDef& op);

}  // namespace omni::graph
