// Before anything is built: is every operator of the model known, in the version it asks for?
#include "formats/onnx/model_importer.h"

namespace omni::formats {

namespace {

std::string function_key(std::string_view domain, std::string_view name, std::string_view overload) {
  std::string key(onnx_domain(domain));
  key += '\0';
  key += name;
  key += '\0';
  key += overload;
  return key;
}

int64_t oldest_version(const OpDef& op) { return op.versions.empty() ? 1 : op.versions.back().since; }

}  // namespace

std::string_view onnx_domain(std::string_view domain) { return domain == "ai.onnx" ? std::string_view() : domain; }

OpsetVersions ModelImporter::read_opsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) const {
  OpsetVersions versions;
  for (const onnx::OperatorSetIdProto& import : imports) {
    int64_t& version = versions[std::string(onnx_domain(import.domain()))];
    version = std::max(version, import.version());
  }
  const auto main = versions.find("");
  if (main != versions.end() && main->second > kNewestOpset) {
    throw Error(ErrorCode::kUnsupported,
                "opset " + std::to_string(main->second) + " is newer than " + std::to_string(kNewestOpset) + ", the newest known", {},
                "export the model again with opset " + std::to_string(kNewestOpset) + " or older");
  }
  return versions;
}

int64_t ModelImporter::opset_of(const OpsetVersions& opsets, std::string_view domain) const {
  const auto found = opsets.find(onnx_domain(domain));
  return found == opsets.end() ? 1 : found->second;  // IR versions 1 and 2 name none
}

const onnx::FunctionProto* ModelImporter::function_of(const onnx::NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const auto found = functions_.find(function_key(node.domain(), node.op_type(), node.overload()));
  return found == functions_.end() ? nullptr : found->second;
}

const OpDef* ModelImporter::op_of(const onnx::NodeProto& node) const { return ops_(onnx_domain(node.domain()), node.op_type()); }

void ModelImporter::check_support() {
  opsets_ = read_opsets(model_->opset_import());
  for (const onnx::FunctionProto& function : model_->functions()) {
    functions_.emplace(function_key(function.domain(), function.name(), function.overload()), &function);
    OpsetVersions versions = read_opsets(function.opset_import());
    function_opsets_.emplace(&function, versions.empty() ? opsets_ : std::move(versions));
  }
  std::set<const onnx::FunctionProto*> seen;
  check_nodes(model_->graph().node(), opsets_, seen);
  if (!unsupported_.empty()) {
    unsupported_.raise(where_, "the model needs operators that are not supported", "docs/onnx.md lists what is; export the model without them");
  }
}

void ModelImporter::check_nodes(const NodeProtos& nodes, const OpsetVersions& opsets, std::set<const onnx::FunctionProto*>& seen) {
  for (const onnx::NodeProto& node : nodes) check_node(node, opsets, seen);
}

void ModelImporter::check_node(const onnx::NodeProto& node, const OpsetVersions& opsets, std::set<const onnx::FunctionProto*>& seen) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.has_g()) check_nodes(attribute.g().node(), opsets, seen);
    for (const onnx::GraphProto& body : attribute.graphs()) check_nodes(body.node(), opsets, seen);
  }
  if (const onnx::FunctionProto* function = function_of(node)) {
    if (seen.insert(function).second) check_nodes(function->node(), function_opsets_.at(function), seen);
    return;
  }
  const std::string_view domain = onnx_domain(node.domain());
  if (domain.empty() && node.op_type() == "Constant") return;
  const int64_t opset = opset_of(opsets, domain);
  const OpDef* op = op_of(node);
  if (op == nullptr) {
    unsupported_.add(domain, node.op_type(), opset, node_text(node));
  } else if (oldest_version(*op) > opset) {
    unsupported_.add(domain, node.op_type(), opset, node_text(node), "known from opset " + std::to_string(oldest_version(*op)));
  }
}

}  // namespace omni::formats
