#include "formats/onnx/output_names.h"

#include "core/error.h"

namespace omni::formats {

namespace {

// False when somebody must keep the name: an input, or an output before this one.
bool take_name(Graph& graph, ValueId id, const std::string& name) {
  if (graph.value(id).name == name) return true;
  const ValueId holder = graph.find(name);
  if (holder != kNone) {
    if (graph.is_output(holder) || graph.value(holder).kind == ValueKind::kInput) return false;
    graph.rename(holder, graph.unique_name(name));
  }
  graph.rename(id, name);
  return true;
}

}  // namespace

ValueId named_output(Graph& graph, ValueId id, const std::string& name, OpLookup ops) {
  if (graph.value(id).name == name) return id;
  const bool renamable = graph.value(id).kind == ValueKind::kResult && !graph.is_output(id);
  if (renamable && take_name(graph, id, name)) return id;
  const OpDef* identity = ops("", "Identity");
  if (identity == nullptr) throw Error(ErrorCode::kUnsupported, "an output that is another value under a second name", "output " + quoted(name));
  const ValueId copy = graph.add1(*identity, {id}, {}, {.output_names = {name}});
  take_name(graph, copy, name);
  return copy;
}

}  // namespace omni::formats
