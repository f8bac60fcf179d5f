#include "formats/onnx/model_importer.h"

#include <algorithm>

#include "formats/onnx/output_names.h"
#include "ops/op_list.h"

namespace omni::formats {

namespace {

constexpr int kMaxDepth = 64;             // bodies in bodies and functions in functions
constexpr int64_t kMaxNodes = 1'000'000;  // after functions are inlined: a few of them that call each other twice would never end

// The error with the node before what it names already, unless that is the same node.
[[noreturn]] void rethrow_within(const Error& error, const onnx::NodeProto& node) {
  const std::string name = quoted(node_text(node));
  if (error.where().find(name) != std::string::npos) throw error;
  throw error.within("node " + name);
}

// The type of a body's formal input: where the file gives none, what the node is given; sizes that a carried value need not keep are not relied on.
void settle_formal(std::optional<Type>& type, int i, int count, std::span<const ValueId> node_inputs, Scope& outer, const OpDef& op) {
  const bool loop = &op == &ops::kLoop;
  if (!type && loop && i < 2) type = Type(i == 0 ? DType::kI64 : DType::kBool, std::vector<Dim>{});
  if (static_cast<int>(node_inputs.size()) != count) return;
  const ValueId given = node_inputs[static_cast<size_t>(i)];
  if (given == kNone || given == kPoisoned) return;
  const Type& outside = outer.graph().type(given);
  if (!type) {
    type = Type::unranked(outside.dtype);
    if (loop) type->kind = outside.kind;
  }
  if (!loop || i < 2 || !type->ranked) return;
  for (int d = 0; d < type->rank(); ++d) {
    const bool same = outside.ranked && outside.rank() == type->rank() && outside.dim(d) == type->dim(d);
    if (!same) type->dims[static_cast<size_t>(d)] = outer.graph().dims().fresh();
  }
}

void set_override(Type& type, const std::vector<int64_t>& shape, const std::string& name) {
  if (type.ranked && type.dims.size() != shape.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "a shape of " + std::to_string(shape.size()) + " dimensions for an input of " + std::to_string(type.dims.size()),
                "input " + quoted(name));
  }
  if (!type.ranked && std::find(shape.begin(), shape.end(), -1) != shape.end()) {
    throw Error(ErrorCode::kInvalidArgument, "the model does not say this input's rank: every dimension must be given", "input " + quoted(name));
  }
  type.ranked = true;
  type.dims.resize(shape.size());
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] < -1) throw Error(ErrorCode::kInvalidArgument, "a negative dimension", "input " + quoted(name));
    if (shape[i] >= 0) type.dims[i] = shape[i];
  }
}

}  // namespace

ModelImporter::ModelImporter(std::shared_ptr<const onnx::ModelProto> model, const std::string& path, const OnnxImportOptions& options)
    : model_(std::move(model)),
      where_(path),
      options_(options),
      files_(path, options.directory),
      source_{&files_, model_},
      ops_(options.ops != nullptr ? options.ops : ops::find_op),
      dims_(std::make_shared<DimTable>()),
      expressions_(model_->producer_name() == "omni") {}

Graph ModelImporter::run() {
  check_support();
  const onnx::GraphProto& proto = model_->graph();
  Graph graph(proto.name().empty() ? "main" : proto.name(), dims_);
  reserve_symbols();
  Scope scope(graph);
  import_inputs(proto, scope, {}, nullptr);
  import_initializers(proto, scope);
  import_nodes(proto.node(), scope, {.opsets = &opsets_});
  if (!unsupported_.empty()) {
    unsupported_.raise(where_, "the model uses operators in ways that are not supported",
                       "docs/onnx.md lists what is; export the model without them");
  }
  import_outputs(proto, scope);
  import_metadata(graph);
  return graph;
}

// Names that the file gives to dimensions are taken before fresh ones are made up.
void ModelImporter::reserve_symbols() {
  const DimReader reader{*dims_, expressions_};
  for (const auto* list : {&model_->graph().input(), &model_->graph().output()}) {
    for (const onnx::ValueInfoProto& info : *list) {
      for (const onnx::TensorShapeProto::Dimension& d : info.type().tensor_type().shape().dim()) {
        if (!d.dim_param().empty()) reader.read(d.dim_param());
      }
    }
  }
}

void ModelImporter::import_inputs(const onnx::GraphProto& proto, Scope& scope, std::span<const ValueId> node_inputs, Scope* outer, const OpDef* op) {
  std::set<std::string_view> initialized;
  for (const onnx::TensorProto& t : proto.initializer()) initialized.insert(t.name());
  for (const onnx::SparseTensorProto& t : proto.sparse_initializer()) initialized.insert(t.values().name());
  const DimReader reader{*dims_, expressions_};
  for (int i = 0; i < proto.input_size(); ++i) {
    const onnx::ValueInfoProto& info = proto.input(i);
    if (initialized.contains(info.name())) continue;  // its initializer is its value
    const std::string where = "input " + quoted(info.name());
    if (info.name().empty()) throw Error(ErrorCode::kInvalidData, "a graph input without a name");
    std::optional<Type> type;
    try {
      type = read_type(info.type(), reader);
    } catch (const Error& error) {
      throw error.within(where);
    }
    if (op != nullptr && op->has(kControlFlow)) settle_formal(type, i, proto.input_size(), node_inputs, *outer, *op);
    if (!type) throw Error(ErrorCode::kInvalidData, "the element type is not declared", where);
    if (outer == nullptr) {
      const auto shape = options_.input_shapes.find(info.name());
      if (shape != options_.input_shapes.end()) set_override(*type, shape->second, info.name());
    }
    if (!scope.bind(info.name(), scope.graph().add_input(info.name(), std::move(*type)))) {
      throw Error(ErrorCode::kInvalidData, "two inputs of one name", where);
    }
  }
  if (outer != nullptr) return;
  for (const auto& [name, shape] : options_.input_shapes) {
    if (scope.graph().find(name) != kNone) continue;
    std::vector<std::string> known;
    for (const ValueId id : scope.graph().inputs()) known.push_back(scope.graph().value(id).name);
    throw Error(ErrorCode::kInvalidArgument, "the model has no input " + quoted(name), where_, did_you_mean(name, known));
  }
}

void ModelImporter::import_initializers(const onnx::GraphProto& proto, Scope& scope) {
  const auto add = [&](const std::string& name, const auto& read) {
    const std::string where = "initializer " + quoted(name);
    if (name.empty()) throw Error(ErrorCode::kInvalidData, "an initializer without a name");
    try {
      if (!scope.bind(name, scope.graph().add_constant(name, read()))) throw Error(ErrorCode::kInvalidData, "two initializers of one name");
    } catch (const Error& error) {
      throw error.within(where);
    }
  };
  for (const onnx::TensorProto& t : proto.initializer()) add(t.name(), [&] { return read_tensor(t, source_); });
  for (const onnx::SparseTensorProto& t : proto.sparse_initializer()) add(t.values().name(), [&] { return read_sparse_tensor(t, source_); });
}

void ModelImporter::import_nodes(const NodeProtos& nodes, Scope& scope, const Frame& frame) {
  if (frame.depth > kMaxDepth) throw Error(ErrorCode::kUnsupported, "bodies or functions nested more than " + std::to_string(kMaxDepth) + " deep");
  for (const int i : node_order(nodes)) {
    if (++nodes_seen_ > kMaxNodes) throw Error(ErrorCode::kUnsupported, "a model of more than a million nodes");
    try {
      import_node(nodes[i], scope, frame);
    } catch (const Error& error) {
      rethrow_within(error, nodes[i]);
    }
  }
}

ModelImporter::Body ModelImporter::import_body(const onnx::GraphProto& proto, Scope& outer, const Frame& frame, std::span<const ValueId> node_inputs,
                                               const OpDef& op) {
  Body body;
  body.graph = std::make_unique<Graph>(proto.name().empty() ? "body" : proto.name(), dims_);
  Scope scope(*body.graph, &outer);
  import_inputs(proto, scope, node_inputs, &outer, &op);
  import_initializers(proto, scope);
  Frame inner = frame;
  ++inner.depth;
  import_nodes(proto.node(), scope, inner);
  for (const onnx::ValueInfoProto& output : proto.output()) {
    const std::optional<ValueId> id = scope.find(output.name());
    if (!id || *id == kNone) throw Error(ErrorCode::kInvalidData, "the output " + quoted(output.name()) + " of a body is not produced");
    if (*id == kPoisoned) {
      body.poisoned = true;
    } else {
      body.graph->add_output(*id);
    }
  }
  body.captures = scope.captures();
  return body;
}

namespace {

// Inference gives an unknown size a symbol of its own; the file's name for it says more. Where not even the rank is known, the file's shape stands.
void take_dim_names(Graph& graph, ValueId id, const onnx::TypeProto& proto, const DimReader& reader) {
  std::set<uint32_t> input_symbols;
  for (const ValueId input : graph.inputs()) {
    for (const Dim d : graph.type(input).dims) input_symbols.insert(d.expr);
  }
  Type& type = graph.value(id).type;
  const onnx::TensorShapeProto& shape = proto.tensor_type().shape();
  if (!type.ranked && type.kind == TypeKind::kTensor && proto.tensor_type().has_shape()) {
    const std::optional<Type> declared = read_type(proto, reader);
    if (declared && declared->dtype == type.dtype) type = *declared;
    return;
  }
  if (shape.dim_size() != type.rank()) return;
  for (int i = 0; i < type.rank(); ++i) {
    Dim& d = type.dims[static_cast<size_t>(i)];
    const std::string_view symbol = graph.dims().symbol_name(d);
    const bool fresh =
        symbol.size() > 1 && symbol[0] == '_' && std::all_of(symbol.begin() + 1, symbol.end(), [](unsigned char c) { return std::isdigit(c); });
    if (fresh && !input_symbols.contains(d.expr) && !shape.dim(i).dim_param().empty()) d = reader.read(shape.dim(i).dim_param());
  }
}

}  // namespace

void ModelImporter::import_outputs(const onnx::GraphProto& proto, Scope& scope) {
  Graph& graph = scope.graph();
  for (const onnx::ValueInfoProto& output : proto.output()) {
    const std::optional<ValueId> found = scope.find(output.name());
    if (!found || *found == kNone) throw Error(ErrorCode::kInvalidData, "nothing produces the output " + quoted(output.name()), where_);
    const ValueId id = named_output(graph, *found, output.name(), ops_);
    take_dim_names(graph, id, output.type(), {*dims_, expressions_});
    graph.add_output(id);
  }
  if (graph.outputs().empty()) throw Error(ErrorCode::kInvalidData, "the model has no outputs", where_);
}

void ModelImporter::import_metadata(Graph& graph) const {
  for (const onnx::StringStringEntryProto& entry : model_->metadata_props()) graph.metadata[entry.key()] = entry.value();
  const auto set = [&](const std::string& key, const std::string& value) {
    if (!value.empty()) graph.metadata["onnx." + key] = value;
  };
  set("producer_name", model_->producer_name());
  set("producer_version", model_->producer_version());
  set("domain", model_->domain());
  set("doc", model_->doc_string());
  set("ir_version", std::to_string(model_->ir_version()));
  if (model_->model_version() != 0) set("model_version", std::to_string(model_->model_version()));
  for (const auto& [domain, version] : opsets_) set(domain.empty() ? "opset" : "opset." + domain, std::to_string(version));
  graph.doc = model_->graph().doc_string();
}

}  // namespace omni::formats
