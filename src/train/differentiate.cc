#include "train/differentiate.h"

#include <algorithm>
#include <memory>
#include <unordered_map>

#include "core/error.h"
#include "ops/op_list.h"
#include "passes/expand.h"
#include "train/grad_list.h"

namespace omni::train {

namespace {

std::string where(const Graph& graph, const Node& n) {
  std::string text = op_text(*n.op);
  if (!n.name.empty()) text += " node " + quoted(n.name);
  for (const ValueId v : n.outputs) {
    if (v != kNone) return text + ", which gives " + quoted(graph.value(v).name);
  }
  return text;
}

// Which values depend on a parameter and lead to the loss.
class Path {
 public:
  Path(const Graph& graph, ValueId loss, std::span<const ValueId> parameters)
      : order(graph.order()), depends_(graph.value_count(), false), reaches_(graph.value_count(), false) {
    for (const ValueId p : parameters) depends_[p] = true;
    for (const NodeId id : order) {
      const Node& n = graph.node(id);
      const bool any = std::any_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return v != kNone && depends_[v]; });
      if (!any || n.op->has(kStopsGradient)) continue;
      for (const ValueId v : n.outputs) {
        if (v != kNone && is_float(graph.type(v).dtype)) depends_[v] = true;
      }
    }
    reaches_[loss] = true;
    for (auto it = order.rbegin(); it != order.rend(); ++it) {
      if (!leads_to_loss(graph.node(*it))) continue;
      for (const ValueId v : graph.node(*it).inputs) {
        if (v != kNone) reaches_[v] = true;
      }
    }
  }

  bool depends(ValueId v) const { return v != kNone && depends_[v]; }
  bool leads_to_loss(const Node& n) const {
    return std::any_of(n.outputs.begin(), n.outputs.end(), [&](ValueId v) { return depends(v) && reaches_[v]; });
  }

  std::vector<NodeId> order;

 private:
  std::vector<bool> depends_, reaches_;
};

[[noreturn]] void no_gradient(const Graph& graph, const Node& n, const std::string& what) {
  throw Error(ErrorCode::kUnsupported, op_text(*n.op) + " has no gradient" + what, where(graph, n),
              "freeze the parameters before it (--freeze), or replace the operator");
}

// Expands what has no rule, until every node on the path has one.
Path expanded_path(Graph& graph, ValueId& loss, std::span<const ValueId> parameters) {
  const std::string loss_name = graph.value(loss).name;
  for (;;) {
    Path path(graph, loss, parameters);
    bool changed = false;
    for (const NodeId id : path.order) {
      const Node& n = graph.node(id);
      if (!path.leads_to_loss(n) || find_gradient(*n.op) != nullptr) continue;
      if (n.op->expand == nullptr || n.op->has(kControlFlow)) no_gradient(graph, n, "");
      passes::expand_node(graph, id);
      changed = true;
    }
    if (!changed) return path;
    loss = graph.find(loss_name);  // the expansion took the name over
  }
}

class Backward {
 public:
  Backward(Graph& graph, const Path& path) : graph_(graph), path_(path) {}

  void run(ValueId loss) {
    parts_[loss].push_back({SIZE_MAX, graph_.add_constant("gradient/" + graph_.value(loss).name, Tensor::scalar(1.0f))});
    for (size_t i = path_.order.size(); i-- > 0;) {
      const Node& n = graph_.node(path_.order[i]);
      if (path_.leads_to_loss(n)) visit(n, i);
    }
  }

  // What came together at a value, summed once; kNone if nothing did.
  ValueId total(ValueId value) {
    const auto found = parts_.find(value);
    if (found == parts_.end()) return kNone;
    std::vector<Part>& parts = found->second;
    std::stable_sort(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.node < b.node; });
    ValueId sum = parts[0].gradient;
    for (size_t i = 1; i < parts.size(); ++i) sum = graph_.add1(ops::kAdd, {sum, parts[i].gradient}, {}, {.name = name_of(value)});
    parts = {{parts[0].node, sum}};
    return sum;
  }

  std::string name_of(ValueId value) const { return "gradient/" + graph_.value(value).name; }

 private:
  struct Part {
    size_t node;  // place in the order of who reads the value
    ValueId gradient;
  };

  void visit(const Node& n, size_t place) {
    std::vector<ValueId> output_grads(n.outputs.size(), kNone);
    bool any = false;
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      if (!path_.depends(n.outputs[i])) continue;
      output_grads[i] = total(n.outputs[i]);
      any |= output_grads[i] != kNone;
    }
    if (!any) return;
    const auto wanted = std::make_unique<bool[]>(n.inputs.size());
    for (size_t i = 0; i < n.inputs.size(); ++i) wanted[i] = path_.depends(n.inputs[i]);
    GradContext context{graph_, n, output_grads, {wanted.get(), n.inputs.size()}};
    const std::vector<ValueId> grads = find_gradient(*n.op)->rule(context);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (!wanted[i]) continue;
      if (i >= grads.size() || grads[i] == kNone) no_gradient(graph_, n, " for its input " + std::to_string(i));
      check(n, i, grads[i]);
      parts_[n.inputs[i]].push_back({place, grads[i]});
    }
  }

  void check(const Node& n, size_t i, ValueId grad) const {
    const Type &of = graph_.type(n.inputs[i]), &is = graph_.type(grad);
    bool fits = of.dtype == is.dtype && (!of.ranked || !is.ranked || of.rank() == is.rank());
    for (int d = 0; fits && of.ranked && is.ranked && d < of.rank(); ++d) {
      fits = !of.dim(d).is_constant() || !is.dim(d).is_constant() || of.dim(d) == is.dim(d);
    }
    if (fits) return;
    throw Error(ErrorCode::kInternal, "the gradient of input " + std::to_string(i) + " has type " + type_text(is, graph_.dims()) + " instead of " +
                type_text(of, graph_.dims()), where(graph_, n));
  }

  Graph& graph_;
  const Path& path_;
  std::unordered_map<ValueId, std::vector<Part>> parts_;
};

}  // namespace

std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> parameters) {
  const Type& type = graph.type(loss);
  if (type.dtype != DType::kF32 || !type.ranked || type.rank() != 0) {
    throw Error(ErrorCode::kInvalidArgument, "a loss is an f32 scalar, this is " + type_text(type, graph.dims()), "value " + quoted(graph.value(loss).name));
  }
  const Path path = expanded_path(graph, loss, parameters);
  Backward backward(graph, path);
  backward.run(loss);
  std::vector<ValueId> gradients;
  for (const ValueId p : parameters) gradients.push_back(backward.total(p));
  return gradients;
}

}  // namespace omni::train
