// What names mean in one list of ONNX nodes.
//
// A graph's scope sees its own names, and as a body those of the graphs around it: what it takes from there becomes a capture, an extra input of
// the body. A function's scope sees its own names only, and stands in the graph that calls it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace omni::formats {

using namespace graph;

// Stands for a value that could not be made because its node is not supported: whatever reads it is skipped, and the import fails at the end.
inline constexpr ValueId kPoisoned = kNone - 1;

class Scope {
 public:
  // `outer`: the scope around a body, else nullptr.
  explicit Scope(Graph& graph, Scope* outer = nullptr) : graph_(graph), outer_(outer) {}

  Graph& graph() { return graph_; }
  // False when the name has a meaning here already.
  bool bind(std::string_view name, ValueId id) { return names_.emplace(name, id).second; }
  // The value, kNone for an absent input of a function, kPoisoned; nothing for a name nobody knows. Captures from outer scopes.
  std::optional<ValueId> find(std::string_view name);
  // Values of the outer graph, in the order of the body's extra inputs.
  const std::vector<ValueId>& captures() const { return captures_; }

 private:
  ValueId capture(ValueId outer_id);
  // The small constant that the name means here or in a scope around, if it does.
  const Value* small_constant(std::string_view name) const;

  Graph& graph_;
  Scope* outer_;
  std::unordered_map<std::string, ValueId> names_;
  std::map<ValueId, ValueId> captured_;  // outer id → id here
  std::vector<ValueId> captures_;
};

}  // namespace omni::formats
