#include "passes/fuse/smooth_activation.h"

#include <cmath>
#include <numbers>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

bool is_about(std::optional<double> value, double expected) { return value && std::fabs(*value - expected) <= 2e-5 * std::fabs(expected); }

// The other operand of a node of `op` one of whose operands is the constant, or kNone.
ValueId beside(const Graph& graph, ValueId id, const OpDef& op, double constant) {
  const Node* n = graph.producer(id, op);
  if (n == nullptr) return kNone;
  for (size_t side = 0; side < 2; ++side) {
    if (is_about(scalar_constant(graph, n->inputs[side]), constant)) return n->inputs[1 - side];
  }
  return kNone;
}

ValueId divided_by(const Graph& graph, ValueId id, double constant) {
  const Node* n = graph.producer(id, ops::kDiv);
  return n != nullptr && is_about(scalar_constant(graph, n->inputs[1]), constant) ? n->inputs[0] : kNone;
}

// v times constant, or v divided by its inverse.
ValueId scaled_by(const Graph& graph, ValueId id, double constant) {
  const ValueId v = beside(graph, id, ops::kMul, constant);
  return v != kNone ? v : divided_by(graph, id, 1 / constant);
}

bool is_cube(const Graph& graph, ValueId id, ValueId x) {
  if (const Node* pow = graph.producer(id, ops::kPow)) return pow->inputs[0] == x && is_about(scalar_constant(graph, pow->inputs[1]), 3);
  const Node* outer = graph.producer(id, ops::kMul);
  for (size_t side = 0; outer != nullptr && side < 2; ++side) {
    const Node* square = graph.producer(outer->inputs[side], ops::kMul);
    if (outer->inputs[1 - side] == x && square != nullptr && square->inputs[0] == x && square->inputs[1] == x) return true;
  }
  return false;
}

// The value that is x · constant · factor, multiplied in any order, or kNone.
ValueId product(const Graph& graph, ValueId factor, ValueId x, double constant) {
  bool has_x = false, has_constant = false;
  ValueId y = factor;
  while (!has_x || !has_constant) {
    const Node* user = sole_user(graph, y);
    if (user == nullptr) return kNone;
    if (user->op == &ops::kDiv && user->inputs[0] == y && !has_constant && is_about(scalar_constant(graph, user->inputs[1]), 1 / constant)) {
      has_constant = true;
      y = user->outputs[0];
      continue;
    }
    if (user->op != &ops::kMul) return kNone;
    const ValueId operand = other_operand(*user, y);
    if (operand == x && !has_x) {
      has_x = true;
    } else if (!has_constant && is_about(scalar_constant(graph, operand), constant)) {
      has_constant = true;
    } else if (!has_x && !has_constant && scaled_by(graph, operand, constant) == x) {
      has_x = has_constant = true;
    } else {
      return kNone;
    }
    y = user->outputs[0];
  }
  return y;
}

struct Match {
  ValueId x = kNone, y = kNone;
  const OpDef* op = nullptr;
  Attributes attributes;
};

std::optional<Match> found(ValueId x, ValueId y, const OpDef& op, Attributes attributes = {}) {
  if (x == kNone || y == kNone) return std::nullopt;
  return Match{x, y, &op, std::move(attributes)};
}

// x/2 · (1 + erf(x/√2))
std::optional<Match> gelu(const Graph& graph, const Node& erf) {
  const ValueId x = scaled_by(graph, erf.inputs[0], 1 / std::numbers::sqrt2);
  const Node* sum = sole_user(graph, erf.outputs[0]);
  if (x == kNone || sum == nullptr || beside(graph, sum->outputs[0], ops::kAdd, 1) != erf.outputs[0]) return std::nullopt;
  return found(x, product(graph, sum->outputs[0], x, 0.5), ops::kGelu);
}

// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))
std::optional<Match> gelu_tanh(const Graph& graph, const Node& tanh) {
  const ValueId inner = scaled_by(graph, tanh.inputs[0], std::sqrt(2 / std::numbers::pi));
  const Node* sum = sole_user(graph, tanh.outputs[0]);
  const Node* series = inner == kNone ? nullptr : graph.producer(inner, ops::kAdd);
  if (series == nullptr || sum == nullptr || beside(graph, sum->outputs[0], ops::kAdd, 1) != tanh.outputs[0]) return std::nullopt;
  for (size_t side = 0; side < 2; ++side) {
    const ValueId x = series->inputs[side], cube = beside(graph, series->inputs[1 - side], ops::kMul, 0.044715);
    if (cube == kNone || !is_cube(graph, cube, x)) continue;
    return found(x, product(graph, sum->outputs[0], x, 0.5), ops::kGelu, {{"approximate", std::string("tanh")}});
  }
  return std::nullopt;
}

std::optional<Match> swish(const Graph& graph, const Node& sigmoid) {
  const Node* mul = sole_user(graph, sigmoid.outputs[0]);
  if (mul == nullptr || mul->op != &ops::kMul) return std::nullopt;
  const ValueId x = other_operand(*mul, sigmoid.outputs[0]);
  if (x == sigmoid.inputs[0]) return found(x, mul->outputs[0], ops::kSwish);
  const Node* scaled = graph.producer(sigmoid.inputs[0], ops::kMul);
  for (size_t side = 0; scaled != nullptr && side < 2; ++side) {
    const std::optional<double> alpha = scalar_constant(graph, scaled->inputs[1 - side]);
    if (scaled->inputs[side] == x && alpha) return found(x, mul->outputs[0], ops::kSwish, {{"alpha", static_cast<float>(*alpha)}});
  }
  return std::nullopt;
}

// x · hardsigmoid(x) with slope 1/6
std::optional<Match> hard_swish(const Graph& graph, const Node& gate) {
  if (!is_about(gate.attributes.get_float("alpha", 0.2f), 1.0 / 6) || !is_about(gate.attributes.get_float("beta", 0.5f), 0.5)) return std::nullopt;
  const Node* mul = sole_user(graph, gate.outputs[0]);
  if (mul == nullptr || mul->op != &ops::kMul || other_operand(*mul, gate.outputs[0]) != gate.inputs[0]) return std::nullopt;
  return found(gate.inputs[0], mul->outputs[0], ops::kHardSwish);
}

// x · clip(x + 3, 0, 6) / 6
std::optional<Match> clipped_swish(const Graph& graph, const Node& clip) {
  if (clip.inputs.size() < 3 || scalar_constant(graph, clip.inputs[1]) != 0.0 || scalar_constant(graph, clip.inputs[2]) != 6.0) return std::nullopt;
  const ValueId x = beside(graph, clip.inputs[0], ops::kAdd, 3);
  return x == kNone ? std::nullopt : found(x, product(graph, clip.outputs[0], x, 1.0 / 6), ops::kHardSwish);
}

bool fuse_one(Graph& graph, NodeId id) {
  const Node& n = graph.node(id);
  std::optional<Match> m;
  if (n.op == &ops::kErf) m = gelu(graph, n);
  else if (n.op == &ops::kTanh) m = gelu_tanh(graph, n);
  else if (n.op == &ops::kSigmoid) m = swish(graph, n);
  else if (n.op == &ops::kHardSigmoid) m = hard_swish(graph, n);
  else if (n.op == &ops::kClip) m = clipped_swish(graph, n);
  if (!m || graph.type(m->x).dtype != DType::kF32) return false;
  replace_value(graph, m->y, *m->op, {m->x}, std::move(m->attributes));
  return true;
}

}  // namespace

bool fuse_smooth_activation(Graph& graph, PassContext&) { return rewrite_nodes(graph, fuse_one); }

}  // namespace omni::passes
