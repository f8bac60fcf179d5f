// One ONNX node: a constant, a call of a function, or an operator in whatever version the file uses.
#include <algorithm>

#include "formats/onnx/attribute_proto.h"
#include "formats/onnx/model_importer.h"

namespace omni::formats {

namespace {

// Trailing "" are outputs nobody wants, as if they were not there.
std::vector<std::string> output_names(const onnx::NodeProto& node, const std::string& prefix) {
  std::vector<std::string> names;
  for (const std::string& output : node.output()) names.push_back(output.empty() ? std::string() : prefix + output);
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

// Outputs that an operator always has get a name of ours where the file gives none: kernels write them in any case.
void name_required_outputs(const OpDef& op, std::vector<std::string>& names) {
  const size_t required = static_cast<size_t>(op.min_outputs());
  if (names.size() < required) names.resize(required);
  for (size_t i = 0; i < required; ++i) {
    if (names[i].empty()) names[i] = (i > 0 ? names[0] + "." : std::string()) + std::string(op.outputs[i].name);
  }
}

void upgrade(Graph& graph, NodeDraft& draft, int64_t opset) {
  const OpDef* op = draft.op;
  const std::span<const OpVersion> versions = op->versions;
  size_t at = 0;
  while (at + 1 < versions.size() && versions[at].since > opset) ++at;
  // An upgrade that changed the operator or built its own nodes has gone all the way.
  for (; at > 0 && draft.op == op && draft.results.empty(); --at) {
    if (versions[at].upgrade != nullptr) versions[at].upgrade(graph, draft);
  }
}

// The typed empty list for an untyped one (IR version 1 does not say of what kind an empty list is).
void settle_empty_list(AttributeValue& value, AttributeKind kind) {
  const auto* ints = std::get_if<std::vector<int64_t>>(&value);
  if (ints == nullptr || !ints->empty()) return;
  if (kind == AttributeKind::kFloats) value = std::vector<float>();
  if (kind == AttributeKind::kStrings) value = std::vector<std::string>();
}

Tensor constant_tensor(const onnx::AttributeProto& attribute, std::string_view form, const TensorSource& source) {
  const std::optional<AttributeValue> value = read_attribute(attribute, source);
  const auto list = [&](const auto& v) { return Shape{static_cast<int64_t>(v.size())}; };
  if (value) {
    if (const auto* t = std::get_if<Tensor>(&*value)) return *t;  // value, sparse_value
    if (const auto* v = std::get_if<int64_t>(&*value)) return Tensor::scalar(*v);
    if (const auto* v = std::get_if<float>(&*value)) return Tensor::scalar(*v);
    if (const auto* v = std::get_if<std::string>(&*value)) return Tensor::strings(Shape{}, std::span(v, 1));
    if (const auto* v = std::get_if<std::vector<int64_t>>(&*value)) {
      if (v->empty() && form == "value_floats") return Tensor(DType::kF32, Shape{0});
      return Tensor::of(list(*v), std::span<const int64_t>(*v));
    }
    if (const auto* v = std::get_if<std::vector<float>>(&*value)) return Tensor::of(list(*v), std::span<const float>(*v));
    if (const auto* v = std::get_if<std::vector<std::string>>(&*value)) return Tensor::strings(list(*v), *v);
  }
  throw Error(ErrorCode::kInvalidData, "a constant that is no tensor");
}

}  // namespace

void ModelImporter::report(const onnx::NodeProto& node, const Frame& frame, std::string_view reason) {
  const std::string_view domain = onnx_domain(node.domain());
  unsupported_.add(domain, node.op_type(), opset_of(*frame.opsets, domain), node_text(node), reason);
}

const onnx::AttributeProto* ModelImporter::resolve(const onnx::AttributeProto& attribute, const Frame& frame) const {
  if (attribute.ref_attr_name().empty()) return &attribute;
  if (frame.call == nullptr)
    throw Error(ErrorCode::kInvalidData, "attribute " + quoted(attribute.name()) + " refers to a call outside of a function");
  const auto found = frame.call->find(attribute.ref_attr_name());
  return found == frame.call->end() ? nullptr : found->second;
}

void ModelImporter::bind_outputs(const onnx::NodeProto& node, Scope& scope, std::span<const ValueId> ids) {
  for (int i = 0; i < node.output_size(); ++i) {
    if (node.output(i).empty()) continue;
    if (!scope.bind(node.output(i), static_cast<size_t>(i) < ids.size() ? ids[static_cast<size_t>(i)] : kPoisoned)) {
      throw Error(ErrorCode::kInvalidData, "the value " + quoted(node.output(i)) + " exists already");
    }
  }
}

bool ModelImporter::import_constant(const onnx::NodeProto& node, Scope& scope, const Frame& frame) {
  if (!onnx_domain(node.domain()).empty() || node.op_type() != "Constant") return false;
  const onnx::AttributeProto* value = nullptr;
  std::string_view form;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() != "value" && attribute.name() != "sparse_value" && !attribute.name().starts_with("value_")) continue;
    if (value != nullptr) throw Error(ErrorCode::kInvalidData, "a constant with two values");
    value = resolve(attribute, frame);
    form = attribute.name();
  }
  if (value == nullptr || node.output_size() != 1) throw Error(ErrorCode::kInvalidData, "a constant without a value or not with one output");
  ValueId id = kPoisoned;
  try {
    id = scope.graph().add_constant(frame.prefix + node.output(0), constant_tensor(*value, form, source_));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    report(node, frame, error.summary());
  }
  bind_outputs(node, scope, {&id, 1});
  return true;
}

void ModelImporter::inline_function(const onnx::FunctionProto& function, const onnx::NodeProto& node, Scope& scope, const Frame& frame) {
  CallAttributes attributes;
  for (const onnx::AttributeProto& fallback : function.attribute_proto()) attributes[fallback.name()] = &fallback;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (const onnx::AttributeProto* value = resolve(attribute, frame)) attributes[attribute.name()] = value;
  }
  if (node.input_size() > function.input_size() || node.output_size() > function.output_size()) {
    throw Error(ErrorCode::kInvalidData, "a call with more inputs or outputs than the function " + quoted(function.name()) + " has");
  }
  NodeParts parts;
  read_inputs(node, scope, parts);
  Scope inner(scope.graph());
  for (int i = 0; i < function.input_size(); ++i) {
    const ValueId given = static_cast<size_t>(i) < parts.draft.inputs.size() ? parts.draft.inputs[static_cast<size_t>(i)] : kNone;
    if (!inner.bind(function.input(i), given))
      throw Error(ErrorCode::kInvalidData, "two inputs of one name in the function " + quoted(function.name()));
  }
  const size_t before = scope.graph().value_count();
  const Frame body{&function_opsets_.at(&function), &attributes, frame.prefix + node_text(node) + "/", frame.depth + 1};
  import_nodes(function.node(), inner, body);
  std::vector<ValueId> results;
  for (int i = 0; i < node.output_size(); ++i) {
    const std::optional<ValueId> id = inner.find(function.output(i));
    if (!id) throw Error(ErrorCode::kInvalidData, "the function " + quoted(function.name()) + " does not produce " + quoted(function.output(i)));
    results.push_back(*id);
    const bool own = *id != kNone && *id != kPoisoned && *id >= before && std::count(results.begin(), results.end(), *id) == 1;
    if (own && !node.output(i).empty()) scope.graph().rename(*id, frame.prefix + node.output(i));
  }
  bind_outputs(node, scope, results);
}

void ModelImporter::read_inputs(const onnx::NodeProto& node, Scope& scope, NodeParts& parts) {
  for (const std::string& input : node.input()) {
    if (input.empty()) {
      parts.draft.inputs.push_back(kNone);
      continue;
    }
    const std::optional<ValueId> id = scope.find(input);
    if (!id) throw Error(ErrorCode::kInvalidData, "reads the value " + quoted(input) + ", which nothing produces");
    parts.poisoned = parts.poisoned || *id == kPoisoned;
    parts.draft.inputs.push_back(*id);
  }
}

void ModelImporter::read_attributes(const onnx::NodeProto& node, Scope& scope, const Frame& frame, NodeParts& parts) {
  const std::span<const std::string_view> names = parts.draft.op->bodies;
  std::vector<const onnx::GraphProto*> graphs(names.size(), nullptr);
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    const onnx::AttributeProto* value = resolve(attribute, frame);
    if (value == nullptr) continue;
    if (std::optional<AttributeValue> read = read_attribute(*value, source_)) {
      parts.draft.attributes.set(attribute.name(), std::move(*read));
      continue;
    }
    const auto name = std::find(names.begin(), names.end(), attribute.name());
    if (name == names.end()) throw Error(ErrorCode::kUnsupported, "the subgraph " + quoted(attribute.name()) + " is not known");
    if (value != &attribute) throw Error(ErrorCode::kUnsupported, "a subgraph handed to a function");
    graphs[static_cast<size_t>(name - names.begin())] = &value->g();
  }
  for (size_t b = 0; b < graphs.size(); ++b) {
    if (graphs[b] == nullptr) throw Error(ErrorCode::kInvalidData, "the subgraph " + quoted(names[b]) + " is missing");
    Body body = import_body(*graphs[b], scope, frame, parts.draft.inputs, *parts.draft.op);
    parts.poisoned = parts.poisoned || body.poisoned;
    parts.bodies.push_back(std::move(body.graph));
    parts.captures.push_back(static_cast<int>(body.captures.size()));
    parts.captured.insert(parts.captured.end(), body.captures.begin(), body.captures.end());
  }
}

void ModelImporter::check_attributes(const onnx::NodeProto& node, const Frame& frame, NodeDraft& draft) {
  std::vector<std::string> unknown;
  Attributes settled;
  for (const auto& [name, value] : draft.attributes) {
    const auto& defs = draft.op->attributes;
    const auto def = std::find_if(defs.begin(), defs.end(), [&name = name](const AttributeDef& d) { return d.name == name; });
    if (def == defs.end()) {
      unknown.push_back(name);
      continue;
    }
    AttributeValue copy = value;
    settle_empty_list(copy, def->kind);
    if (copy.index() != static_cast<size_t>(def->kind)) throw Error(ErrorCode::kInvalidData, "attribute " + quoted(name) + " is of the wrong kind");
    settled.set(name, std::move(copy));
  }
  for (const std::string& name : unknown) report(node, frame, "attribute " + quoted(name) + " is not known");
  for (const AttributeDef& def : draft.op->attributes) {
    if (def.required && !settled.has(def.name)) throw Error(ErrorCode::kInvalidData, "attribute " + quoted(def.name) + " is required");
  }
  draft.attributes = std::move(settled);
}

std::vector<ValueId> ModelImporter::build(const onnx::NodeProto& node, Scope& scope, const Frame& frame, NodeParts& parts) {
  Graph& graph = scope.graph();
  NodeDraft& draft = parts.draft;
  const size_t before = graph.value_count();
  upgrade(graph, draft, opset_of(*frame.opsets, node.domain()));
  if (draft.results.empty()) {
    check_attributes(node, frame, draft);
    name_required_outputs(*draft.op, parts.output_names);
    std::vector<ValueId> inputs = draft.inputs;
    inputs.insert(inputs.end(), parts.captured.begin(), parts.captured.end());
    return graph.add(
        *draft.op, std::move(inputs), std::move(draft.attributes),
        {.name = draft.name, .output_names = parts.output_names, .bodies = std::move(parts.bodies), .captures = std::move(parts.captures)});
  }
  std::set<ValueId> renamed;
  for (size_t i = 0; i < std::min(draft.results.size(), parts.output_names.size()); ++i) {
    const ValueId id = draft.results[i];
    const bool own = id != kNone && id >= before && graph.value(id).kind == ValueKind::kResult && renamed.insert(id).second;
    if (own && !parts.output_names[i].empty()) graph.rename(id, parts.output_names[i]);
  }
  return draft.results;
}

void ModelImporter::import_node(const onnx::NodeProto& node, Scope& scope, const Frame& frame) {
  if (import_constant(node, scope, frame)) return;
  if (const onnx::FunctionProto* function = function_of(node)) return inline_function(*function, node, scope, frame);
  NodeParts parts;
  parts.draft.op = op_of(node);
  if (!node.name().empty()) parts.draft.name = frame.prefix + node.name();
  parts.output_names = output_names(node, frame.prefix);
  parts.draft.output_count = static_cast<int>(parts.output_names.size());
  std::vector<ValueId> results;
  try {
    read_inputs(node, scope, parts);
    read_attributes(node, scope, frame, parts);
    if (!parts.poisoned) {
      results = build(node, scope, frame, parts);
      if (results.size() < parts.output_names.size()) {
        throw Error(ErrorCode::kInvalidData, "the operator has " + std::to_string(results.size()) + " outputs, the node names more");
      }
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    report(node, frame, error.summary());
    results.clear();
  }
  bind_outputs(node, scope, results);
}

}  // namespace omni::formats
