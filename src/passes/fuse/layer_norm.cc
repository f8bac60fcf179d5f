#include "passes/fuse/layer_norm.h"

#include <algorithm>

#include "ops/op_list.h"
#include "passes/fuse/match.h"

namespace omni::passes {

namespace {

// The first of the trailing dimensions that a ReduceMean with keepdims takes the mean of, or nothing.
std::optional<int> trailing_axis(const Graph& graph, const Node& mean) {
  const Type& x = graph.type(mean.inputs[0]);
  if (!x.ranked || mean.attributes.get_int("keepdims", 1) == 0 || mean.inputs.size() < 2 || !graph.is_constant(mean.inputs[1])) return std::nullopt;
  std::vector<int64_t> axes = to_int64(graph.value(mean.inputs[1]).data);
  for (int64_t& a : axes) a += a < 0 ? x.rank() : 0;
  std::sort(axes.begin(), axes.end());
  const int first = x.rank() - static_cast<int>(axes.size());
  for (size_t i = 0; i < axes.size(); ++i) {
    if (axes[i] != first + static_cast<int64_t>(i)) return std::nullopt;
  }
  if (axes.empty()) return std::nullopt;
  return first;
}

struct Match {
  ValueId x = kNone, y = kNone, scale = kNone, shift = kNone;
  int axis = 0;
  float epsilon = 0;
  bool rms = false;
};

// d of d * d or Pow(d, 2).
ValueId squared(const Graph& graph, ValueId id) {
  if (const Node* mul = graph.producer(id, ops::kMul)) return mul->inputs[0] == mul->inputs[1] ? mul->inputs[0] : kNone;
  const Node* pow = graph.producer(id, ops::kPow);
  return pow != nullptr && scalar_constant(graph, pow->inputs[1]) == 2.0 ? pow->inputs[0] : kNone;
}

// The value that is d / root, where `root` has no other reader.
ValueId divided(const Graph& graph, ValueId d, ValueId root) {
  const Node* user = sole_user(graph, root);
  if (user == nullptr) return kNone;
  if (user->op == &ops::kDiv && user->inputs[0] == d && user->inputs[1] == root) return user->outputs[0];
  const bool inverse = user->op == &ops::kReciprocal || (user->op == &ops::kDiv && user->inputs[1] == root && scalar_constant(graph, user->inputs[0]) == 1.0);
  if (!inverse) return kNone;
  const ValueId factor = user->outputs[0];
  const Node* mul = sole_user(graph, factor);
  if (mul == nullptr || mul->op != &ops::kMul) return kNone;
  return other_operand(*mul, factor) == d ? mul->outputs[0] : kNone;
}

// Whether v has one value for each of the dimensions of x from `axis` on.
bool per_element(const Graph& graph, ValueId v, const Type& x, int axis) {
  const Type& t = graph.type(v);
  if (!t.ranked || t.dtype != DType::kF32 || t.rank() < x.rank() - axis || t.rank() > x.rank()) return false;
  for (int d = 1; d <= t.rank(); ++d) {
    if (t.dim(-d) != (d <= x.rank() - axis ? x.dim(-d) : Dim(1))) return false;
  }
  return true;
}

// Takes the multiplication or addition that follows y along.
ValueId take(const Graph& graph, Match& m, const OpDef& op) {
  const Node* user = sole_user(graph, m.y);
  if (user == nullptr || user->op != &op) return kNone;
  const ValueId operand = other_operand(*user, m.y);
  if (operand == m.y || !per_element(graph, operand, graph.type(m.x), m.axis)) return kNone;
  m.y = user->outputs[0];
  return operand;
}

std::optional<Match> match(const Graph& graph, const Node& root) {
  const Node* sum = graph.producer(root.inputs[0], ops::kAdd);
  if (sum == nullptr) return std::nullopt;
  Match m;
  const Node* variance = nullptr;
  for (size_t side = 0; side < 2; ++side) {
    const std::optional<double> epsilon = scalar_constant(graph, sum->inputs[1 - side]);
    if (!epsilon) continue;
    variance = graph.producer(sum->inputs[side], ops::kReduceMean);
    m.epsilon = static_cast<float>(*epsilon);
  }
  if (variance == nullptr || graph.type(root.outputs[0]).dtype != DType::kF32) return std::nullopt;
  const std::optional<int> axis = trailing_axis(graph, *variance);
  const ValueId d = squared(graph, variance->inputs[0]);
  if (!axis || d == kNone) return std::nullopt;
  m.axis = *axis;
  m.x = d;
  m.rms = true;
  if (const Node* difference = graph.producer(d, ops::kSub)) {
    const Node* mean = graph.producer(difference->inputs[1], ops::kReduceMean);
    if (mean != nullptr && mean->inputs[0] == difference->inputs[0] && trailing_axis(graph, *mean) == axis) {
      m.x = difference->inputs[0];
      m.rms = false;
    }
  }
  m.y = divided(graph, d, root.outputs[0]);
  if (m.y == kNone) return std::nullopt;
  m.scale = take(graph, m, ops::kMul);
  m.shift = take(graph, m, ops::kAdd);
  return m;
}

bool fuse_one(Graph& graph, NodeId id) {
  if (graph.node(id).op != &ops::kSqrt) return false;
  const std::optional<Match> m = match(graph, graph.node(id));
  if (!m) return false;
  Attributes attributes = {{"axis", static_cast<int64_t>(m->axis)}, {"epsilon", m->epsilon}};
  if (m->rms) attributes.set("rms", int64_t{1});
  std::vector<ValueId> inputs = {m->x, m->scale, m->shift};
  while (inputs.back() == kNone) inputs.pop_back();
  replace_value(graph, m->y, ops::kNormalizeRows, std::move(inputs), std::move(attributes));
  return true;
}

}  // namespace

bool fuse_layer_norm(Graph& graph, PassContext&) { return rewrite_nodes(graph, fuse_one); }

}  // namespace omni::passes
