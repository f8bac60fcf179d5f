#include "ops/op_list.h"

#include <unordered_map>

namespace omni::ops {

namespace {

constexpr const OpDef* kAll[] = {
#define OMNI_OP(id) &id,
#include "ops/composite_op_list.inc"
#include "ops/op_list.inc"
#undef OMNI_OP
};

using Index = std::unordered_map<std::string_view, std::vector<const OpDef*>>;

const Index& index_by_name() {
  static const Index index = [] {
    Index built;
    for (const OpDef* op : kAll) built[op->name].push_back(op);
    return built;
  }();
  return index;
}

}  // namespace

std::span<const OpDef* const> all_ops() { return kAll; }

const OpDef* find_op(std::string_view domain, std::string_view name) {
  if (domain == "ai.onnx") domain = "";
  const auto found = index_by_name().find(name);
  if (found == index_by_name().end()) return nullptr;
  for (const OpDef* op : found->second) {
    if (op->domain == domain) return op;
  }
  return nullptr;
}

std::vector<std::string> op_names(std::string_view domain) {
  if (domain == "ai.onnx") domain = "";
  std::vector<std::string> names;
  for (const OpDef* op : kAll) {
    if (op->domain == domain) names.emplace_back(op->name);
  }
  return names;
}

}  // namespace omni::ops
