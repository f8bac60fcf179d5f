// Every operator by name: `ops::kSoftmax`. op_list.inc has one line an operator; linking names exactly what is listed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace omni::ops {

using namespace graph;

#define OMNI_OP(id) extern const OpDef id;
#include "ops/op_list.inc"
#undef OMNI_OP

std::span<const OpDef* const> all_ops();

// The operator, or nullptr. `domain` "ai.onnx" is "".
const OpDef* find_op(std::string_view domain, std::string_view name);

// Names of the operators of a domain, for "did you mean".
std::vector<std::string> op_names(std::string_view domain);

}  // namespace omni::ops
