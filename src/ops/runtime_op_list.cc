// The operators of the device runtime: a file of its own, so that libomni_runtime links no others.
#include <algorithm>

#include "ops/op_list.h"

namespace omni::ops {

namespace {

constexpr const OpDef* kRuntime[] = {
#define OMNI_OP(id) &id,
#include "ops/op_list.inc"
#undef OMNI_OP
};

}  // namespace

const OpDef* find_runtime_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  const auto found = std::find_if(std::begin(kRuntime), std::end(kRuntime), [&](const OpDef* op) { return op->name == name && op->domain == domain; });
  return found == std::end(kRuntime) ? nullptr : *found;
}

}  // namespace omni::ops
