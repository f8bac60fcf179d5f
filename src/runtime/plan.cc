#include "runtime/plan.h"

#include <algorithm>

#include "core/error.h"

namespace omni::runtime {

namespace {

std::string input_where(const Graph& graph, size_t i) { return "input " + quoted(graph.value(graph.inputs()[i]).name); }

[[noreturn]] void wrong_shape(const Graph& graph, size_t i, const Shape& found) {
  const Type& type = graph.type(graph.inputs()[i]);
  throw Error(ErrorCode::kInvalidArgument,
              "expected " + type_text(type, graph.dims()) + ", found " + std::string(dtype_name(type.dtype)) + found.text(), input_where(graph, i));
}

struct Bound {
  size_t input;
  int64_t size;
};

// Symbols that stand alone bind; a second occurrence must agree.
void bind_symbols(const Graph& graph, std::span<const Shape> shapes, std::map<std::string, Bound, std::less<>>& bound) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Type& type = graph.type(graph.inputs()[i]);
    if (!type.ranked || type.kind != TypeKind::kTensor) continue;
    if (type.rank() != shapes[i].rank()) wrong_shape(graph, i, shapes[i]);
    for (int d = 0; d < type.rank(); ++d) {
      if (type.dim(d).is_constant()) {
        if (type.dim(d).value != shapes[i][d]) wrong_shape(graph, i, shapes[i]);
        continue;
      }
      const std::string symbol(graph.dims().symbol_name(type.dim(d)));
      if (symbol.empty()) continue;
      const auto [at, fresh] = bound.try_emplace(symbol, Bound{i, shapes[i][d]});
      if (fresh || at->second.size == shapes[i][d]) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  "dimension " + std::to_string(d) + " (" + symbol + ") is " + std::to_string(shapes[i][d]) + ", but " +
                      input_where(graph, at->second.input) + " makes it " + std::to_string(at->second.size),
                  input_where(graph, i));
    }
  }
}

void check_shapes(const Graph& graph, std::span<const Shape> shapes) {
  std::map<std::string, Bound, std::less<>> bound;
  bind_symbols(graph, shapes, bound);
  std::map<std::string, int64_t, std::less<>> sizes;
  for (const auto& [name, b] : bound) sizes.emplace(name, b.size);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Type& type = graph.type(graph.inputs()[i]);
    for (int d = 0; type.ranked && type.kind == TypeKind::kTensor && d < type.rank(); ++d) {
      const std::optional<int64_t> size = graph.dims().evaluate(type.dim(d), sizes);
      if (!size || *size == shapes[i][d]) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  "dimension " + std::to_string(d) + " must be " + graph.dims().text(type.dim(d)) + " = " + std::to_string(*size) + ", found " +
                      std::to_string(shapes[i][d]),
                  input_where(graph, i));
    }
  }
}

// In a body: passes relied on the ranks and fixed sizes that its graph declares.
void check_body_shapes(const Graph& graph, std::span<const Shape> shapes) {
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Type& type = graph.type(graph.inputs()[i]);
    if (!type.ranked || type.kind != TypeKind::kTensor) continue;
    bool fits = type.rank() == shapes[i].rank();
    for (int d = 0; fits && d < type.rank(); ++d) fits = !type.dim(d).is_constant() || type.dim(d).value == shapes[i][d];
    if (!fits) wrong_shape(graph, i, shapes[i]);
  }
}

}  // namespace

std::unique_ptr<Plan> make_plan(Model& model, std::span<const Shape> shapes) {
  const Graph& graph = *model.graph;
  if (model.body) {
    check_body_shapes(graph, shapes);
  } else {
    check_shapes(graph, shapes);
  }
  auto plan = std::make_unique<Plan>();
  plan->key.assign(shapes.begin(), shapes.end());
  std::vector<ValueState> values(graph.value_count());
  for (ValueId id = 0; id < graph.value_count(); ++id) {
    const Value& v = graph.value(id);
    if (v.erased || v.kind == ValueKind::kResult) continue;
    ValueState& s = values[id];
    s.known = true;
    s.dtype = v.type.dtype;
    s.kind = v.type.kind;
    if (v.kind == ValueKind::kInput) {
      s.shape = shapes[model.input_index[id]];
      s.place = {Space::kInput, model.input_index[id], 0};
    } else if (v.kind == ValueKind::kState) {
      s.shape = v.data.shape();
      s.place = {Space::kState, model.state_index[id], 0};
    } else {
      s.shape = v.data.shape();
      s.place = {Space::kConstant, 0, reinterpret_cast<size_t>(v.data.data())};
      s.contents = v.contents;
      s.constant = &v.data;
      s.fixed = true;
    }
  }
  DimTable dims;
  plan->first = make_segment(model, dims, std::move(values), 0, 0);
  return plan;
}

bool infer_concrete(const Graph& graph, DimTable& dims, const Node& node, const std::vector<ValueState>& values, std::span<const Tensor* const> seen,
                    std::vector<InferValue>& outputs) {
  std::vector<InferValue> inputs(node.inputs.size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (node.inputs[i] == kNone) continue;
    const ValueState& v = values[node.inputs[i]];
    inputs[i] = {true, v.kind == TypeKind::kTensor ? Type(v.dtype, v.shape) : Type::unranked(v.dtype), v.contents, v.constant};
    inputs[i].type.kind = v.kind;
    if (i >= seen.size() || seen[i] == nullptr) continue;
    inputs[i].constant = seen[i];
    inputs[i].contents = constant_contents(*seen[i]);
  }
  outputs.assign(node.outputs.size(), InferValue());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].present = node.outputs[i] != kNone;
  infer(node, inputs, outputs, dims);
  bool concrete = true;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].present) continue;
    if (outputs[i].type.dtype != graph.type(node.outputs[i]).dtype) {
      throw Error(ErrorCode::kInternal, "inference gives another element type at plan time", "value " + quoted(graph.value(node.outputs[i]).name));
    }
    concrete = concrete && outputs[i].type.kind == TypeKind::kTensor && outputs[i].type.is_static();
  }
  return concrete;
}

}  // namespace omni::runtime
