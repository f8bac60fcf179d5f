// Every operator by name: `ops::kSoftmax`. op_list.inc has one line an operator; linking names exactly what is listed. composite_op_list.inc has those
// that are only spelled in others (com.microsoft, ai.onnx.ml, Attention …): packages hold their expansion, and the device runtime goes without.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace omni::ops {

using namespace graph;

#define OMNI_OP(id) extern const OpDef id;
#include "ops/composite_op_list.inc"
#include "ops/op_list.inc"
#undef OMNI_OP

std::span<const OpDef* const> all_ops();

// The operator, or nullptr. `domain` "ai.onnx" is "".
const OpDef* find_op(std::string_view domain, std::string_view name);
// The same among those that the device runtime has.
const OpDef* find_runtime_op(std::string_view domain, std::string_view name);

// Names of the operators of a domain, for "did you mean".
std::vector<std::string> op_names(std::string_view domain);

}  // namespace omni::ops
