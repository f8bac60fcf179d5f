// Builds a Graph from a ModelProto: scopes, constants, functions, bodies, upgrades.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "formats/onnx/import.h"
#include "formats/onnx/node_order.h"
#include "formats/onnx/scope.h"
#include "formats/onnx/tensor_proto.h"
#include "formats/onnx/unsupported.h"
#include "proto/onnx.pb.h"

namespace omni::formats {

using OpsetVersions = std::map<std::string, int64_t, std::less<>>;  // by domain, "" for ai.onnx

// "" for ai.onnx.
std::string_view onnx_domain(std::string_view domain);

class ModelImporter {
 public:
  // `path`: "" for a model from memory.
  ModelImporter(std::shared_ptr<const onnx::ModelProto> model, const std::string& path, const OnnxImportOptions& options);

  Graph run();

 private:
  using CallAttributes = std::map<std::string, const onnx::AttributeProto*, std::less<>>;

  // What a list of nodes is read by.
  struct Frame {
    const OpsetVersions* opsets;
    const CallAttributes* call = nullptr;  // in a function: the attributes it was called with
    std::string prefix = {};               // of the names in an inlined function
    int depth = 0;
  };
  struct Body {
    std::unique_ptr<Graph> graph;
    std::vector<ValueId> captures;
    bool poisoned = false;
  };
  struct NodeParts {
    NodeDraft draft;
    std::vector<std::string> output_names;
    std::vector<std::unique_ptr<Graph>> bodies;
    std::vector<int> captures;
    std::vector<ValueId> captured;
    bool poisoned = false;
  };

  // support_check.cc
  OpsetVersions read_opsets(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports) const;
  int64_t opset_of(const OpsetVersions& opsets, std::string_view domain) const;
  const onnx::FunctionProto* function_of(const onnx::NodeProto& node) const;
  const OpDef* op_of(const onnx::NodeProto& node) const;
  void check_support();
  void check_nodes(const NodeProtos& nodes, const OpsetVersions& opsets, std::set<const onnx::FunctionProto*>& seen);
  void check_node(const onnx::NodeProto& node, const OpsetVersions& opsets, std::set<const onnx::FunctionProto*>& seen);

  // model_importer.cc: graphs
  void reserve_symbols();
  void import_inputs(const onnx::GraphProto& proto, Scope& scope, std::span<const ValueId> node_inputs, Scope* outer, const OpDef* op = nullptr);
  void import_initializers(const onnx::GraphProto& proto, Scope& scope);
  void import_nodes(const NodeProtos& nodes, Scope& scope, const Frame& frame);
  Body import_body(const onnx::GraphProto& proto, Scope& outer, const Frame& frame, std::span<const ValueId> node_inputs, const OpDef& op);
  void import_outputs(const onnx::GraphProto& proto, Scope& scope);
  void import_metadata(Graph& graph) const;

  // node_importer.cc: nodes
  void import_node(const onnx::NodeProto& node, Scope& scope, const Frame& frame);
  bool import_constant(const onnx::NodeProto& node, Scope& scope, const Frame& frame);
  void inline_function(const onnx::FunctionProto& function, const onnx::NodeProto& node, Scope& scope, const Frame& frame);
  void read_inputs(const onnx::NodeProto& node, Scope& scope, NodeParts& parts);
  void read_attributes(const onnx::NodeProto& node, Scope& scope, const Frame& frame, NodeParts& parts);
  void check_attributes(const onnx::NodeProto& node, const Frame& frame, NodeDraft& draft);
  std::vector<ValueId> build(const onnx::NodeProto& node, Scope& scope, const Frame& frame, NodeParts& parts);
  // The attribute itself, or that of the call it refers to; nullptr when the call has none.
  const onnx::AttributeProto* resolve(const onnx::AttributeProto& attribute, const Frame& frame) const;
  void report(const onnx::NodeProto& node, const Frame& frame, std::string_view reason);
  void bind_outputs(const onnx::NodeProto& node, Scope& scope, std::span<const ValueId> ids);

  std::shared_ptr<const onnx::ModelProto> model_;
  std::string where_;
  const OnnxImportOptions& options_;
  ExternalFiles files_;
  TensorSource source_;
  OpLookup ops_;
  OpsetVersions opsets_;
  std::map<std::string, const onnx::FunctionProto*, std::less<>> functions_;  // "domain name overload"
  std::map<const onnx::FunctionProto*, OpsetVersions> function_opsets_;
  UnsupportedReport unsupported_;
  std::shared_ptr<DimTable> dims_;
  bool expressions_ = false;
  int64_t nodes_seen_ = 0;
};

}  // namespace omni::formats
