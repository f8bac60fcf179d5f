// The graph: values and nodes in an arena with ids, states and commits, bodies.
//
// Invariants (verify() checks them): value names are unique; a value has one producer; no cycles; nodes never write in place; the types
// of results are what their operator infers. Ids stay valid until compact(). References to values and nodes survive add().
// Not thread-safe; share a const Graph, or clone().
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/op_def.h"

namespace omni::graph {

enum class ValueKind : uint8_t { kInput, kConstant, kState, kResult };

struct Use {
  NodeId node;
  uint32_t index;
  bool operator==(const Use&) const = default;
};

struct Value {
  std::string name;
  ValueKind kind = ValueKind::kResult;
  Type type;
  Layout layout = Layout::kPlain;
  Encoding encoding = Encoding::kDense;
  Role role = Role::kConstant;       // of constants and states
  ValueId of = kNone;                // a moment's, mask's, … parameter
  Tensor data;                       // a constant's data, a state's initial value
  std::optional<Contents> contents;  // small integer contents, where inference knows them
  NodeId producer = kNone;
  uint32_t producer_index = 0;
  std::vector<Use> uses;  // by nodes; graph outputs and commits are not in it
  bool erased = false;
};

// Inputs of a node with bodies: its own, then for each body what that body captures; the last captures[b] inputs of body b are those.
struct Node {
  const OpDef* op = nullptr;
  std::string name;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Attributes attributes;
  std::vector<std::unique_ptr<Graph>> bodies;
  std::vector<int> captures;
  bool erased = false;

  int own_inputs() const;
};

// After a run that succeeded, `state` takes the value of `next` if `guard` (a bool scalar; kNone: always) holds. All commits together.
struct Commit {
  ValueId state = kNone, next = kNone, guard = kNone;
};

struct AddOptions {
  std::string name = {};                       // default: the operator's name, made unique
  std::vector<std::string> output_names = {};  // default: the node's name, numbered; "" for an unwanted optional output
  int output_count = 0;                        // default: output_names' size, else the operator's required outputs
  std::vector<std::unique_ptr<Graph>> bodies = {};
  std::vector<int> captures = {};
};

class Graph {
 public:
  explicit Graph(std::string name = "main", std::shared_ptr<DimTable> dims = nullptr);
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;
  Graph clone() const;  // same ids, own dimension table
  // Same ids, for a body beside this one: `dims` is the table that this graph uses, or a copy of it.
  Graph clone(std::shared_ptr<DimTable> dims) const { return copy_of(*this, std::move(dims)); }

  const std::string& name() const { return name_; }
  void set_name(std::string name) { name_ = std::move(name); }
  DimTable& dims() const { return *dims_; }
  const std::shared_ptr<DimTable>& dim_table() const { return dims_; }

  ValueId add_input(std::string_view name, Type type);
  ValueId add_constant(std::string_view name, Tensor data, Role role = Role::kConstant);
  ValueId add_state(std::string_view name, Tensor initial, Role role, ValueId of = kNone);

  // Adds a node and infers its outputs at once; throws Error naming node, operator and shapes. Returns the outputs (kNone for unwanted ones).
  std::vector<ValueId> add(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes = {}, AddOptions options = {});
  // The same for the first output.
  ValueId add1(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes = {}, AddOptions options = {}) {
    return add(op, std::move(inputs), std::move(attributes), std::move(options)).front();
  }

  const Value& value(ValueId id) const { return values_[id]; }
  Value& value(ValueId id) { return values_[id]; }
  const Node& node(NodeId id) const { return nodes_[id]; }
  Node& node(NodeId id) { return nodes_[id]; }
  // Ids go from 0 to these, erased ones among them.
  size_t value_count() const { return values_.size(); }
  size_t node_count() const { return nodes_.size(); }
  const Type& type(ValueId id) const { return values_[id].type; }
  // The producer of a result, else nullptr; with `op`, only if it is that operator.
  const Node* producer(ValueId id) const;
  const Node* producer(ValueId id, const OpDef& op) const;
  bool is_constant(ValueId id) const { return id != kNone && values_[id].kind == ValueKind::kConstant; }
  // The value of that name, or kNone.
  ValueId find(std::string_view name) const;

  const std::vector<ValueId>& inputs() const { return inputs_; }
  const std::vector<ValueId>& outputs() const { return outputs_; }
  const std::vector<Commit>& commits() const { return commits_; }
  std::vector<ValueId> states() const;
  std::vector<ValueId> constants() const;
  void add_output(ValueId id);
  void set_outputs(std::vector<ValueId> ids) { outputs_ = std::move(ids); }
  void remove_input(ValueId id);  // nobody may use it
  void add_commit(Commit commit) { commits_.push_back(commit); }
  void set_commits(std::vector<Commit> commits) { commits_ = std::move(commits); }
  bool is_output(ValueId id) const;
  // How often a value is read: by nodes, as an output, by commits.
  size_t use_count(ValueId id) const;

  // Every reader of `from` (nodes, outputs, commits' next and guard) reads `to` instead.
  void replace_uses(ValueId from, ValueId to);
  void set_node_input(NodeId node, uint32_t index, ValueId id);
  // Changes a node's whole input list.
  void set_node_inputs(NodeId node, std::vector<ValueId> ids);
  // Erases a node none of whose outputs is read, and its outputs.
  void erase_node(NodeId node);
  // Erases a constant, state or input that nothing reads.
  void erase_value(ValueId id);
  // Erases nodes without side effect whose outputs nobody reads, then unread constants and states; true if anything went.
  bool erase_dead();
  void rename(ValueId id, std::string_view name);  // made unique if taken
  // A name nobody has: `base`, `base.1`, …
  std::string unique_name(std::string_view base) const;
  // Turns a constant into a state of that role, or back.
  void make_state(ValueId id, Role role);
  void make_constant(ValueId id);

  // Nodes so that every value is produced before it is read: depth first from the outputs, then commits, then side effects, so that the order
  // depends on the structure alone, not on ids.
  std::vector<NodeId> order() const;
  // Infers all results again (after an input's type or a constant changed), in order().
  void infer_all();

  // Free-form facts that travel with the model (producer, opset it came with, preprocessing …).
  std::unordered_map<std::string, std::string> metadata;
  std::string doc;

 private:
  static Graph copy_of(const Graph& from, std::shared_ptr<DimTable> dims);  // dims: a copy of from's table, shared by the bodies
  ValueId new_value(std::string_view name, ValueKind kind, Type type);
  void infer_node(NodeId id);
  void drop_use(ValueId value, NodeId node, uint32_t index);

  std::string name_;
  std::shared_ptr<DimTable> dims_;
  std::deque<Value> values_;
  std::deque<Node> nodes_;
  std::vector<ValueId> inputs_, outputs_;
  std::vector<Commit> commits_;
  std::unordered_map<std::string, ValueId> names_;
  mutable std::unordered_map<std::string, uint32_t> suffixes_;  // where unique_name goes on
};

// Infers one node's outputs from `inputs`: the planner's way in, with its own storage. `outputs` come with `present` set.
void infer(const Node& node, std::span<const InferValue> inputs, std::span<InferValue> outputs, DimTable& dims);

// Integer contents of a small constant, if it has any.
std::optional<Contents> constant_contents(const Tensor& data);

// Checks every invariant, bodies included; throws Error (kInternal for broken structure, kInvalidData for an operator used wrongly).
void verify(const Graph& graph);

// The text form, printed and parsed: see docs/graph-text.md.
std::string print(const Graph& graph);

// Gives the data of a tensor that the text names by hash, or an undefined result to refuse.
class TensorResolver {
 public:
  virtual ~TensorResolver() = default;
  virtual Tensor resolve(std::string_view sha256) const = 0;
};
using OpLookup = const OpDef* (*)(std::string_view domain, std::string_view name);
// Throws Error (kInvalidData) with line and column.
Graph parse(std::string_view text, OpLookup ops, const TensorResolver* tensors = nullptr);

}  // namespace omni::graph
