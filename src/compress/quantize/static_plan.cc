#include <algorithm>
#include <set>

#include "compress/quantize/static.h"
#include "ops/op_list.h"

namespace omni::compress {

namespace {

bool f32(const Graph& graph, ValueId id) { return id != kNone && graph.type(id).kind == TypeKind::kTensor && graph.type(id).dtype == DType::kF32; }

class Planner {
 public:
  Planner(const Graph& graph, PassContext& context) : graph_(graph), context_(context), order_(graph.order()) {}

  StaticPlan plan() {
    for (const NodeId id : order_) choose(id);
    demand();
    for (const NodeId id : order_) observe_outputs(id);
    for (const ValueId id : graph_.inputs()) observe(id);
    plan_.nodes.assign(chosen_in_order_.begin(), chosen_in_order_.end());
    return std::move(plan_);
  }

 private:
  // Why a product cannot be quantized, or nothing.
  const char* refuse_product(const Node& n) const {
    if (!graph_.is_constant(n.inputs[1])) return "its weights are no constant";
    if (n.inputs.size() > 2 && n.inputs[2] != kNone && !graph_.is_constant(n.inputs[2])) return "its bias is no constant";
    if (n.op == &ops::kMatMul) return graph_.type(n.inputs[1]).rank() == 2 ? nullptr : "its weights are no matrix";
    if (n.op == &ops::kGemm) {
      if (n.attributes.get_int("transA", 0) != 0) return "its activation is transposed";
      if (n.attributes.get_float("alpha", 1) != 1 || n.attributes.get_float("beta", 1) != 1) return "its product is scaled";
      if (n.inputs.size() > 2 && n.inputs[2] != kNone && graph_.type(n.inputs[2]).rank() != 1) return "its bias is no vector";
      const Dim outputs = graph_.type(n.inputs[1]).dim(n.attributes.get_int("transB", 0) != 0 ? 0 : 1);
      if (n.inputs.size() > 2 && n.inputs[2] != kNone && graph_.type(n.inputs[2]).dim(0) != outputs) return "its bias is one value for all outputs";
    }
    return nullptr;
  }

  void choose(NodeId id) {
    const Node& n = graph_.node(id);
    if (n.op == &ops::kConv || n.op == &ops::kGemm || n.op == &ops::kMatMul) {
      if (!f32(graph_, n.inputs[0]) || !f32(graph_, n.inputs[1])) return;
      if (const char* reason = refuse_product(n)) {
        context_.notes.push_back((n.name.empty() ? graph_.value(n.outputs[0]).name : n.name) + ": stays float, " + reason);
        return;
      }
      return pick(id);
    }
    const bool binary = n.op == &ops::kAdd || n.op == &ops::kMul;
    const bool pool = n.op == &ops::kAveragePool || n.op == &ops::kGlobalAveragePool;
    if (!binary && !pool && n.op != &ops::kConcat) return;
    for (const ValueId v : n.inputs) {
      if (!f32(graph_, v) || graph_.is_constant(v)) return;
    }
    pick(id);
  }
  void pick(NodeId id) {
    chosen_.insert(id);
    chosen_in_order_.push_back(id);
  }

  // Moves elements without computing. A ReLU commutes with dequantization too, but straight after a product it narrows the requantization instead.
  bool transparent(NodeId id) const {
    const Node& n = graph_.node(id);
    if (!n.op->has(kQuantTransparent) || (n.op->has(kElementwise) && !n.op->has(kView)) || chosen_.contains(id)) return false;
    return !n.inputs.empty() && f32(graph_, n.inputs[0]) && !graph_.is_constant(n.inputs[0]);
  }

  void demand() {
    for (const NodeId id : chosen_) {
      const Node& n = graph_.node(id);
      const bool product = n.op == &ops::kConv || n.op == &ops::kGemm || n.op == &ops::kMatMul;
      for (size_t i = 0; i < n.inputs.size(); ++i) {
        if (!product || i == 0) demanded_.insert(n.inputs[i]);
      }
    }
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      const Node& n = graph_.node(*it);
      if (transparent(*it) && n.outputs[0] != kNone && demanded_.contains(n.outputs[0])) demanded_.insert(n.inputs[0]);
    }
  }

  void observe(ValueId id) {
    if (demanded_.contains(id) && f32(graph_, id)) plan_.observed.push_back(id);
  }

  void observe_outputs(NodeId id) {
    const Node& n = graph_.node(id);
    if (transparent(id) && n.outputs[0] != kNone && demanded_.contains(n.outputs[0])) {
      plan_.same_as[n.outputs[0]] = n.inputs[0];
      return;
    }
    for (const ValueId v : n.outputs) {
      if (v != kNone) observe(v);
    }
  }

  const Graph& graph_;
  PassContext& context_;
  std::vector<NodeId> order_, chosen_in_order_;
  std::set<NodeId> chosen_;
  std::set<ValueId> demanded_;
  StaticPlan plan_;
};

}  // namespace

StaticPlan plan_static(const Graph& graph, PassContext& context) { return Planner(graph, context).plan(); }

}  // namespace omni::compress
