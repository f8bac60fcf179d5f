#include "formats/onnx/scope.h"

namespace omni::formats {

namespace {
// Constants up to this size are copied into a body (their bytes are shared): inference needs axes, sizes and scales as constants.
constexpr int64_t kCopiedElements = kMaxContents;
}  // namespace

const Value* Scope::small_constant(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer_) {
    const auto found = scope->names_.find(std::string(name));
    if (found == scope->names_.end()) continue;
    if (found->second == kNone || found->second == kPoisoned) return nullptr;
    const Value& value = scope->graph_.value(found->second);
    return value.kind == ValueKind::kConstant && value.data.count() <= kCopiedElements ? &value : nullptr;
  }
  return nullptr;
}

std::optional<ValueId> Scope::find(std::string_view name) {
  const auto found = names_.find(std::string(name));
  if (found != names_.end()) return found->second;
  if (outer_ == nullptr) return std::nullopt;
  ValueId id = kNone;
  if (const Value* constant = small_constant(name)) {
    id = graph_.add_constant(constant->name, constant->data, constant->role);
  } else {
    const std::optional<ValueId> outside = outer_->find(name);
    if (!outside) return outside;
    id = *outside == kNone || *outside == kPoisoned ? *outside : capture(*outside);
  }
  names_.emplace(name, id);
  return id;
}

ValueId Scope::capture(ValueId outer_id) {
  const auto found = captured_.find(outer_id);
  if (found != captured_.end()) return found->second;
  const Value& value = outer_->graph().value(outer_id);
  const ValueId id = graph_.add_input(value.name, value.type);
  graph_.value(id).contents = value.contents;
  captures_.push_back(outer_id);
  captured_.emplace(outer_id, id);
  return id;
}

}  // namespace omni::formats
