#include "passes/fold.h"

#include <algorithm>

#include "core/thread_pool.h"
#include "ops/evaluate.h"

namespace omni::passes {

namespace {

constexpr size_t kMaxGrowth = size_t{1} << 20;
// A product or a convolution of constants that takes longer than a blink waits for the run, where kernels are fast.
constexpr int64_t kMaxOperations = int64_t{1} << 24;

// Contents that inference knows, as a tensor of the value's type.
std::optional<Tensor> from_contents(const Value& v) {
  if (!v.contents || v.type.kind != TypeKind::kTensor) return std::nullopt;
  std::vector<double> numbers;
  std::vector<int64_t> integers;
  for (const Dim d : *v.contents) {
    if (!d.is_constant()) return std::nullopt;
    integers.push_back(d.value);
    numbers.push_back(static_cast<double>(d.value));
  }
  const std::optional<Shape> shape = v.type.shape();
  if (!shape || shape->count() != static_cast<int64_t>(integers.size())) return std::nullopt;
  if (v.type.dtype == DType::kI64) return Tensor::of<int64_t>(*shape, integers);
  if (v.type.dtype == DType::kI32 || v.type.dtype == DType::kBool) return from_double(v.type.dtype, *shape, numbers);
  return std::nullopt;
}

bool replace(Graph& graph, ValueId id, Tensor data) {
  const std::string name = graph.value(id).name;
  const bool output = graph.is_output(id);
  const ValueId constant = graph.add_constant(name, std::move(data));
  graph.replace_uses(id, constant);
  if (output) {  // the constant must carry the output's name
    graph.rename(id, name + ".folded");
    graph.rename(constant, name);
  }
  return true;
}

bool fold_known_contents(Graph& graph, const Node& node) {
  bool any = false;
  for (const ValueId id : std::vector<ValueId>(node.outputs)) {
    if (id == kNone || graph.use_count(id) == 0) continue;
    if (auto tensor = from_contents(graph.value(id))) any |= replace(graph, id, std::move(*tensor));
  }
  return any;
}

// A weight stored in fewer bytes than the value that is read.
bool decodes(const Graph& graph, const Node& node) {
  if (node.op != &ops::kDequantizeLinear && node.op != &ops::kCast) return false;
  const Type &stored = graph.type(node.inputs[0]), &read = graph.type(node.outputs[0]);
  return stored.rank() >= 1 && dtype_bits(stored.dtype) < dtype_bits(read.dtype);
}

bool fold_node(Graph& graph, const Node& node, ThreadPool& pool, bool decode) {
  if (node.op->has(kRandom) || node.op->has(kSideEffect) || !node.bodies.empty()) return false;
  std::vector<std::optional<Tensor>> inputs;
  size_t input_bytes = 0;
  for (const ValueId id : node.inputs) {
    if (id != kNone && !graph.is_constant(id)) return false;
    inputs.push_back(id == kNone ? std::nullopt : std::optional(graph.value(id).data));
    if (id != kNone) input_bytes += graph.value(id).data.bytes();
  }
  if (!decode && decodes(graph, node)) return false;
  if (node.inputs.empty() && node.op->bind == nullptr && node.op->produce == nullptr) return false;
  for (const ValueId id : node.outputs) {
    if (id == kNone) continue;
    const Type& type = graph.type(id);
    if (type.kind != TypeKind::kTensor) return false;
    if (const auto shape = type.shape()) {
      if (!decode && packed_bytes(type.dtype, static_cast<size_t>(shape->count())) > input_bytes + kMaxGrowth) return false;
    }
  }
  const auto results = ops::evaluate(node, inputs, pool, Isa::kScalar, {kMaxOperations, decode ? SIZE_MAX : kMaxGrowth});
  if (!results) return false;
  bool any = false;
  const std::vector<ValueId> outputs = node.outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] != kNone && graph.use_count(outputs[i]) != 0) any |= replace(graph, outputs[i], (*results)[i]);
  }
  return any;
}

bool fold_all(Graph& graph, bool decode) {
  bool any = false;
  ThreadPool pool(1);
  for (const NodeId id : graph.order()) {
    const Node& node = graph.node(id);
    for (const auto& body : node.bodies) any |= fold_all(*body, decode);
    any |= fold_known_contents(graph, node) || fold_node(graph, node, pool, decode);
  }
  if (any) {
    graph.erase_dead();
    graph.infer_all();  // a constant may settle shapes downstream
  }
  return any;
}

}  // namespace

bool fold(Graph& graph, PassContext&) { return fold_all(graph, false); }

bool decode_weights(Graph& graph, PassContext&) { return fold_all(graph, true); }

}  // namespace omni::passes
