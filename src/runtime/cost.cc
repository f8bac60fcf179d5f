#include "runtime/cost.h"

#include <algorithm>

#include "core/error.h"
#include "ops/bind_node.h"
#include "runtime/memory_plan.h"
#include "runtime/plan.h"

namespace omni::runtime {

namespace {

// Nodes with larger values are not counted: below it a product of two counts fits into 63 bits.
constexpr int64_t kMaxElements = int64_t{1} << 31;

Shape input_shape(const Graph& graph, ValueId id, std::map<std::string, int64_t, std::less<>>& sizes) {
  const Type& type = graph.type(id);
  const std::string where = "input " + quoted(graph.value(id).name);
  if (!type.ranked) throw Error(ErrorCode::kUnsupported, "its rank is not known", where);
  for (const Dim d : type.dims) {
    const std::string_view symbol = graph.dims().symbol_name(d);
    if (!symbol.empty()) sizes.try_emplace(std::string(symbol), 1);
  }
  std::vector<int64_t> dims;
  for (const Dim d : type.dims) {
    const std::optional<int64_t> size = graph.dims().evaluate(d, sizes);
    if (!size) throw Error(ErrorCode::kInvalidArgument, "the size of " + graph.dims().text(d) + " is not known", where, "name its symbols' sizes");
    dims.push_back(*size);
  }
  return Shape(dims);
}

// Weights and biases: what training would change, or its quantized form; not scales, zero points, running statistics, indices.
bool is_parameter(const Value& v, const Formal& formal) {
  if (v.role != Role::kConstant && v.role != Role::kParameter) return false;
  if (v.role == Role::kParameter) return true;
  if (v.data.shape().rank() == 0 || formal.param == ParamKind::kBuffer) return false;
  if (formal.name.find("scale") != std::string_view::npos && formal.param == ParamKind::kNo) return false;
  if (formal.name.find("zero_point") != std::string_view::npos || formal.name == "indices") return false;
  const DType t = v.data.dtype();
  return is_float(t) || t == DType::kI8 || t == DType::kU8 || t == DType::kI4 || t == DType::kU4 || t == DType::kI32;
}

class Counter {
 public:
  Counter(const Graph& graph, std::map<std::string, int64_t, std::less<>> sizes)
      : graph_(graph), values_(graph.value_count()), seen_(values_.size()) {
    last_.assign(values_.size(), -1);
    for (ValueId id = 0; id < values_.size(); ++id) add_source(id, sizes);
  }

  GraphCost count() {
    order_ = graph_.order();
    for (size_t t = 0; t < order_.size(); ++t) {
      for (const ValueId id : graph_.node(order_[t]).inputs) {
        if (id != kNone) last_[id] = static_cast<int32_t>(t);
      }
    }
    for (const ValueId id : graph_.outputs()) last_[id] = static_cast<int32_t>(order_.size());
    for (const NodeId id : order_) count_node(id);
    for (const NodeCost& n : cost_.nodes) {
      cost_.operations += n.operations;
      cost_.bytes += n.bytes;
      cost_.parameters += n.parameters;
    }
    cost_.peak_bytes = peak();
    return std::move(cost_);
  }

 private:
  void add_source(ValueId id, std::map<std::string, int64_t, std::less<>>& sizes) {
    const Value& v = graph_.value(id);
    if (v.erased || v.kind == ValueKind::kResult) return;
    ValueState& s = values_[id];
    s.known = true;
    s.dtype = v.type.dtype;
    if (v.kind == ValueKind::kInput) {
      s.shape = input_shape(graph_, id, sizes);
      return;
    }
    s.shape = v.data.shape();
    cost_.constant_bytes += static_cast<int64_t>(v.data.bytes());
    if (v.kind != ValueKind::kConstant) return;
    s.constant = &v.data;
    s.contents = v.contents;
  }

  PlannedValue planned(ValueId id) const {
    if (id == kNone) return {};
    return {true, values_[id].dtype, values_[id].shape, graph_.value(id).layout, values_[id].constant};
  }

  void count_node(NodeId id) {
    const Node& n = graph_.node(id);
    NodeCost& c = cost_.nodes.emplace_back();
    c.id = id;
    c.name = n.name;
    c.op = op_text(*n.op);
    count_parameters(n, c);
    std::vector<InferValue> inferred;
    const bool inputs_known = std::all_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return v == kNone || values_[v].known; });
    c.known = inputs_known && infer_concrete(graph_, dims_, n, values_, {}, inferred);
    for (size_t i = 0; i < inferred.size() && c.known; ++i) c.known = !inferred[i].present || inferred[i].type.shape()->count() < kMaxElements;
    const ValueId first = n.outputs.front();
    if (!c.known) {
      if (first != kNone) c.output = type_text(graph_.type(first), graph_.dims());
      return;
    }
    for (size_t i = 0; i < inferred.size(); ++i) {
      if (n.outputs[i] == kNone) continue;
      values_[n.outputs[i]] = {true, inferred[i].type.dtype, *inferred[i].type.shape(), {}, std::move(inferred[i].contents), nullptr, false};
    }
    if (first != kNone) c.output = std::string(dtype_name(values_[first].dtype)) + values_[first].shape.text();
    std::vector<PlannedValue> inputs, outputs;
    for (const ValueId v : n.inputs) inputs.push_back(planned(v));
    for (const ValueId v : n.outputs) outputs.push_back(planned(v));
    const Cost cost = ops::node_cost({*n.op, n.name, n.attributes, inputs, outputs, Isa::kScalar});
    c.operations = cost.operations;
    c.bytes = cost.bytes;
  }

  void count_parameters(const Node& n, NodeCost& c) {
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const ValueId id = n.inputs[i];
      if (id == kNone || seen_[id] || (graph_.value(id).kind != ValueKind::kConstant && graph_.value(id).kind != ValueKind::kState)) continue;
      if (!is_parameter(graph_.value(id), n.op->input_formal(static_cast<int>(i)))) continue;
      seen_[id] = true;
      c.parameters += graph_.value(id).data.count();
      c.parameter_bytes += static_cast<int64_t>(graph_.value(id).data.bytes());
    }
  }

  // Views share their input's block; nothing else is shared.
  int64_t peak() const {
    std::vector<ArenaBlock> blocks;
    std::vector<int32_t> block_of(values_.size(), -1);
    const auto add = [&](ValueId id, int32_t first) {
      block_of[id] = static_cast<int32_t>(blocks.size());
      blocks.push_back({values_[id].known ? values_[id].bytes() : 0, first, std::max(first, last_[id])});
    };
    for (const ValueId id : graph_.inputs()) add(id, 0);
    for (size_t t = 0; t < order_.size(); ++t) {
      const Node& n = graph_.node(order_[t]);
      for (size_t i = 0; i < n.outputs.size(); ++i) {
        const ValueId id = n.outputs[i];
        if (id == kNone) continue;
        if (i == 0 && n.op->has(kView)) {
          block_of[id] = block_of[n.inputs[0]];
          if (block_of[id] >= 0) blocks[static_cast<size_t>(block_of[id])].last = std::max(blocks[static_cast<size_t>(block_of[id])].last, last_[id]);
        } else {
          add(id, static_cast<int32_t>(t));
        }
      }
    }
    return static_cast<int64_t>(plan_arena(blocks).lower_bound);
  }

  const Graph& graph_;
  DimTable dims_;
  std::vector<ValueState> values_;
  std::vector<bool> seen_;
  std::vector<int32_t> last_;
  std::vector<NodeId> order_;
  GraphCost cost_;
};

}  // namespace

GraphCost count_cost(const Graph& graph, const std::map<std::string, int64_t, std::less<>>& sizes) { return Counter(graph, sizes).count(); }

}  // namespace omni::runtime
