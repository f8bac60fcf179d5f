#include "graph/op_def.h"

#include <climits>

#include "core/error.h"
#include "graph/graph.h"

namespace omni::graph {

namespace {

int required(std::span<const Formal> formals) {
  int n = 0;
  for (const Formal& f : formals) n += (f.flags & kOptional) == 0 ? 1 : 0;
  return n;
}

int most(std::span<const Formal> formals) {
  return !formals.empty() && (formals.back().flags & kVariadic) != 0 ? INT_MAX : static_cast<int>(formals.size());
}

}  // namespace

int OpDef::min_inputs() const { return required(inputs); }
int OpDef::max_inputs() const { return most(inputs); }
int OpDef::min_outputs() const { return required(outputs); }
int OpDef::max_outputs() const { return most(outputs); }

std::string op_text(const OpDef& op) {
  if (op.domain.empty()) return std::string(op.name);
  return std::string(op.domain) + "." + std::string(op.name);
}

int InferContext::axis(int64_t axis, int rank) const {
  if (axis < -rank || axis >= rank) fail("axis " + std::to_string(axis) + " is outside a tensor of rank " + std::to_string(rank));
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

void InferContext::set(int i, Type type, std::optional<Contents> contents) {
  if (i >= output_count()) return;
  InferValue& out = outputs_[static_cast<size_t>(i)];
  out.type = std::move(type);
  if (contents && contents->size() > kMaxContents) contents.reset();
  out.contents = std::move(contents);
}

void InferContext::fail(std::string summary, std::string fix) const {
  std::string where = op_text(op_);
  if (!node_name_.empty()) where += " node " + quoted(node_name_);
  where += " (";
  for (int i = 0; i < input_count(); ++i) {
    if (i > 0) where += ", ";
    where += has_input(i) ? type_text(input(i), dims) : "_";
  }
  throw Error(ErrorCode::kInvalidData, std::move(summary), where + ")", std::move(fix));
}

std::vector<Dim> InferContext::broadcast(const std::vector<Dim>& a, const std::vector<Dim>& b) const {
  const std::vector<Dim>& longer = a.size() >= b.size() ? a : b;
  const std::vector<Dim>& shorter = a.size() >= b.size() ? b : a;
  std::vector<Dim> out = longer;
  for (size_t i = 0; i < shorter.size(); ++i) {
    Dim& x = out[longer.size() - shorter.size() + i];
    const Dim y = shorter[i];
    if (x == y || y == Dim(1)) continue;
    if (x == Dim(1)) {
      x = y;
    } else if (x.is_constant() && y.is_constant()) {
      fail("the shapes do not broadcast: " + std::to_string(x.value) + " against " + std::to_string(y.value));
    } else if (y.is_constant()) {
      x = y;  // an unknown against a constant above 1 is that constant (or 1)
    } else if (!x.is_constant()) {
      x = dims.max(x, y);  // one of the two is 1, or they are equal
    }
  }
  return out;
}

void PlannedNode::unsupported(std::string summary) const {
  std::string where = op_text(op);
  if (!name.empty()) where += " node " + quoted(name);
  where += " (";
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (i > 0) where += ", ";
    where += inputs[i].present ? std::string(dtype_name(inputs[i].dtype)) + inputs[i].shape.text() : "_";
  }
  throw Error(ErrorCode::kUnsupported, std::move(summary), where + ")");
}

}  // namespace omni::graph
