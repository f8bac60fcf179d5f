// What a graph remembers between runs: parameters, moments, running statistics, by name.
//
// A value starts as the tensor it was added with (mapped from a file, or shared with other sets) and is copied at its first commit, so sets made
// by copying share what nobody has changed. A tensor that get() or save() gave out keeps its bytes: a later commit then writes elsewhere.
// Every commit and every set() raises the version. One thread at a time; runs and commits on one set are serialized by its owner.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace omni::runtime {

using namespace graph;

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

class StateSet {
 public:
  StateSet() = default;
  StateSet(const StateSet& other);  // shares every value until one of the two changes it
  StateSet& operator=(const StateSet& other);
  StateSet(StateSet&&) = default;
  StateSet& operator=(StateSet&&) = default;

  // Raised by every commit and every set().
  uint64_t version() const { return version_; }
  size_t size() const { return entries_.size(); }
  bool has(std::string_view name) const { return find(name) >= 0; }
  // Names in their order (bytewise), which is also the order of save() and subtract().
  std::vector<std::string> names() const;

  // Adds a state; throws Error (kExists) when the name is taken, (kUnsupported) for strings. Returns its slot.
  int add(std::string_view name, Tensor initial, Role role = Role::kParameter);
  // Adds the graph's states that are missing here. Throws Error (kInvalidArgument) where one that is here has another dtype or shape.
  void attach(const Graph& graph);

  // Throw Error (kNotFound, with the nearest names) for an unknown one.
  Tensor get(std::string_view name) const;
  Role role(std::string_view name) const;
  // Throws Error (kInvalidArgument) when dtype or shape differ from the state's. Shares the tensor.
  void set(std::string_view name, Tensor value);

  // Every state.
  std::vector<NamedTensor> save() const;
  // All or nothing: throws Error when one is unknown, or does not fit; with `complete`, also when a state is not in the list.
  void load(std::span<const NamedTensor> values, bool complete = true);
  // this − before, for each of `names` (all of this set when empty), rounded once to the state's dtype; bool states are left out. The names must be
  // in both sets with equal dtypes and shapes; throws Error otherwise.
  std::vector<NamedTensor> subtract(const StateSet& before, std::span<const std::string> names = {}) const;
  // state += delta for each; throws Error as load() does.
  void add_delta(std::span<const NamedTensor> deltas);

  // What a session does, by slot (stable for the life of the set; -1: no such state).
  int find(std::string_view name) const;
  const Tensor& value(int slot) const { return entries_[static_cast<size_t>(slot)].value; }
  // Memory for the next value of the state's size, aligned to 64, whose bytes nobody else sees. Allocates only the first time and after the value was
  // given out. Throws Error (kMachine).
  void* spare(int slot);
  // The spare becomes the value. spare() must have been called since the last swap of that slot.
  void swap(int slot) noexcept;
  void bump() noexcept { ++version_; }

 private:
  struct Entry {
    std::string name;
    Role role = Role::kParameter;
    Tensor value;
    std::shared_ptr<std::byte> memory;  // the value's bytes when this set allocated them
    std::shared_ptr<std::byte> spare;
  };
  const Entry& entry(std::string_view name) const;

  std::vector<Entry> entries_;
  std::map<std::string, int, std::less<>> slots_;
  uint64_t version_ = 0;
};

// Turns the graph's states into constants with the set's values: for a graph that only evaluates, whose weights are then packed once.
// `names` gives a state of the graph another name in the set (the moving average of a weight).
void bake(Graph& graph, const StateSet& states, const std::map<std::string, std::string, std::less<>>& names = {});

}  // namespace omni::runtime
