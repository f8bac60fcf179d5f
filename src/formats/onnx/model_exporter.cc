#include "formats/onnx/model_exporter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <unordered_set>

#include "formats/onnx/attribute_proto.h"
#include "formats/onnx/lower_graph.h"

namespace omni::formats {

namespace {

constexpr std::string_view kFormatPrefix = "onnx.";  // metadata that is about the file it came from

// One graph being written, inside those around it.
class GraphWriter {
 public:
  GraphWriter(const Graph& graph, int64_t opset, TensorSink& sink, GraphWriter* outer) : graph_(graph), opset_(opset), sink_(sink), outer_(outer) {}

  // `captured`: names in the outer graph of the body's last inputs.
  void write(onnx::GraphProto& proto, std::span<const std::string> captured, std::map<std::string, int64_t>& domains) {
    names_.resize(graph_.value_count());
    order_ = graph_.order();
    for (const NodeId id : order_) drafts_.push_back(lower_node(graph_, graph_.node(id), opset_));
    name_values(captured);
    proto.set_name(graph_.name());
    if (!graph_.doc.empty()) proto.set_doc_string(graph_.doc);
    write_inputs(proto, captured.size());
    for (size_t i = 0; i < drafts_.size(); ++i) write_node(graph_.node(order_[i]), drafts_[i], *proto.add_node(), domains);
    write_outputs(proto);
    write_initializers(proto);  // last: bodies may have asked for more of them
  }

 private:
  bool known_outside(const std::string& name) const { return outer_ != nullptr && (outer_->taken_.contains(name) || outer_->known_outside(name)); }
  // Whether a graph around has that constant under its own name; then it is written there.
  bool constant_outside(const Value& value) const {
    for (GraphWriter* g = outer_; g != nullptr; g = g->outer_) {
      const ValueId id = g->graph_.find(value.name);
      if (id == kNone || g->names_[id] != value.name) continue;
      const Value& twin = g->graph_.value(id);
      const bool same = twin.kind == ValueKind::kConstant && twin.data.equal(value.data);
      if (same && !g->from_outside_.contains(id)) g->written_.insert(id);
      return same;
    }
    return false;
  }

  // Names are the values' own; in bodies captures take the outer name, and what would hide an outer name takes another.
  void name_values(std::span<const std::string> captured) {
    const size_t formal = graph_.inputs().size() - captured.size();
    for (size_t i = 0; i < captured.size(); ++i) names_[graph_.inputs()[formal + i]] = captured[i];
    for (ValueId id = 0; id < graph_.value_count(); ++id) {
      const Value& value = graph_.value(id);
      if (value.erased || !names_[id].empty()) continue;
      if (value.layout != Layout::kPlain) {
        throw Error(ErrorCode::kInternal, "a value in layout " + std::string(layout_name(value.layout)) + " cannot be written as ONNX",
                    quoted(value.name));
      }
      names_[id] = value.name;
      if (!known_outside(value.name) && taken_.insert(value.name).second) continue;
      if (value.kind == ValueKind::kConstant && constant_outside(value)) {
        from_outside_.insert(id);  // a small constant that import had copied into the body
        continue;
      }
      names_[id] = free_name(value.name);
    }
    mark_written();
  }

  // A name that nothing has, here or around.
  std::string free_name(const std::string& base) {
    for (int n = 1;; ++n) {
      std::string name = base + "." + std::to_string(n);
      if (!known_outside(name) && graph_.find(name) == kNone && taken_.insert(name).second) return name;
    }
  }

  // Constants and states that something written reads: lowering may have turned the others into attributes.
  void mark_written() {
    const auto mark = [&](ValueId id) {
      if (id == kNone || from_outside_.contains(id)) return;
      const ValueKind kind = graph_.value(id).kind;
      if (kind == ValueKind::kConstant || kind == ValueKind::kState) written_.insert(id);
    };
    for (size_t i = 0; i < drafts_.size(); ++i) {
      for (const ValueId id : drafts_[i].inputs) mark(id);
      const Node& node = graph_.node(order_[i]);
      for (size_t k = static_cast<size_t>(node.own_inputs()); k < node.inputs.size(); ++k) mark(node.inputs[k]);
    }
    for (const ValueId id : graph_.outputs()) mark(id);
  }

  void write_inputs(onnx::GraphProto& proto, size_t captured) {
    for (size_t i = 0; i + captured < graph_.inputs().size(); ++i) write_info(graph_.inputs()[i], names_[graph_.inputs()[i]], *proto.add_input());
  }

  void write_info(ValueId id, const std::string& name, onnx::ValueInfoProto& info) const {
    info.set_name(name);
    write_type(graph_.type(id), graph_.dims(), *info.mutable_type());
  }

  void write_initializers(onnx::GraphProto& proto) {
    for (const ValueId id : written_) {
      check_dtype(graph_.value(id).data.dtype(), names_[id]);
      sink_.write(graph_.value(id).data, names_[id], *proto.add_initializer());
    }
  }

  void check_dtype(DType dtype, const std::string& name) const {
    if (dtype_bits(dtype) != 4 || opset_ >= 21) return;
    throw Error(ErrorCode::kUnsupported, "4-bit types are in ONNX since opset 21, not " + std::to_string(opset_), "value " + quoted(name));
  }

  void write_node(const Node& node, const NodeDraft& draft, onnx::NodeProto& proto, std::map<std::string, int64_t>& domains) {
    proto.set_op_type(std::string(draft.op->name));
    if (!draft.op->domain.empty()) {
      proto.set_domain(std::string(draft.op->domain));
      int64_t& version = domains[std::string(draft.op->domain)];
      version = std::max<int64_t>(version, draft.op->newest());
    }
    if (!draft.name.empty()) proto.set_name(draft.name);
    size_t inputs = draft.inputs.size();
    while (inputs > 0 && draft.inputs[inputs - 1] == kNone) --inputs;
    for (size_t i = 0; i < inputs; ++i) proto.add_input(draft.inputs[i] == kNone ? std::string() : names_[draft.inputs[i]]);
    size_t outputs = node.outputs.size();
    while (outputs > 0 && node.outputs[outputs - 1] == kNone) --outputs;
    for (size_t i = 0; i < outputs; ++i) proto.add_output(node.outputs[i] == kNone ? std::string() : names_[node.outputs[i]]);
    for (const auto& [name, value] : draft.attributes) write_attribute(name, value, *proto.add_attribute());
    write_bodies(node, proto, domains);
  }

  void write_bodies(const Node& node, onnx::NodeProto& proto, std::map<std::string, int64_t>& domains) {
    if (node.bodies.size() > node.op->bodies.size()) throw Error(ErrorCode::kInternal, "a body without an attribute name", op_text(*node.op));
    size_t at = static_cast<size_t>(node.own_inputs());
    for (size_t b = 0; b < node.bodies.size(); ++b) {
      std::vector<std::string> captured;
      for (int k = 0; k < node.captures[b]; ++k) captured.push_back(names_[node.inputs[at++]]);
      onnx::AttributeProto& attribute = *proto.add_attribute();
      attribute.set_name(std::string(node.op->bodies[b]));
      attribute.set_type(onnx::AttributeProto::GRAPH);
      GraphWriter(*node.bodies[b], opset_, sink_, this).write(*attribute.mutable_g(), captured, domains);
    }
  }

  // ONNX names outputs by their values: a second output of one value, and a body's output that is an input or lies outside, go through an Identity.
  void write_outputs(onnx::GraphProto& proto) {
    std::set<ValueId> seen;
    for (const ValueId id : graph_.outputs()) {
      const bool foreign = outer_ != nullptr && (graph_.value(id).kind == ValueKind::kInput || from_outside_.contains(id));
      std::string name = names_[id];
      if (!seen.insert(id).second || foreign) {
        name = free_name(name);
        onnx::NodeProto& identity = *proto.add_node();
        identity.set_op_type("Identity");
        identity.add_input(names_[id]);
        identity.add_output(name);
      }
      write_info(id, name, *proto.add_output());
    }
  }

  const Graph& graph_;
  const int64_t opset_;
  TensorSink& sink_;
  GraphWriter* outer_;
  std::vector<NodeId> order_;
  std::vector<NodeDraft> drafts_;   // in that order
  std::vector<std::string> names_;  // by id, as written
  std::unordered_set<std::string> taken_;
  std::set<ValueId> written_;       // initializers
  std::set<ValueId> from_outside_;  // constants written as the outer one of that name
};

void write_metadata(const Graph& graph, onnx::ModelProto& model) {
  const std::map<std::string, std::string> sorted(graph.metadata.begin(), graph.metadata.end());
  for (const auto& [key, value] : sorted) {
    if (key.starts_with(kFormatPrefix)) continue;
    onnx::StringStringEntryProto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  const auto fact = [&](const char* key) {
    const auto found = sorted.find(std::string(kFormatPrefix) + key);
    return found == sorted.end() ? std::string() : found->second;
  };
  if (!fact("domain").empty()) model.set_domain(fact("domain"));
  if (!fact("doc").empty()) model.set_doc_string(fact("doc"));
  const std::string version = fact("model_version");
  int64_t number = 0;
  if (std::from_chars(version.data(), version.data() + version.size(), number).ec == std::errc()) model.set_model_version(number);
}

}  // namespace

int64_t ir_version_of(int64_t opset) {
  struct Row {
    int64_t opset, ir;
  };
  static constexpr std::array<Row, 9> kRows = {{{25, 13}, {24, 12}, {23, 11}, {21, 10}, {19, 9}, {15, 8}, {12, 7}, {11, 6}, {10, 5}}};
  for (const Row& row : kRows) {
    if (opset >= row.opset) return row.ir;
  }
  return 4;  // the first that lets initializers stand without being inputs
}

onnx::ModelProto write_model(const Graph& graph, int64_t opset, TensorSink& sink) {
  if (!graph.commits().empty()) {
    throw Error(ErrorCode::kUnsupported, "ONNX cannot express a graph that updates its states", "graph " + quoted(graph.name()),
                "export the inference graph, not the training graph");
  }
  Graph lowered = graph.clone();
  UnsupportedReport report;
  expand_for(lowered, opset, report);
  if (!report.empty()) {
    report.raise("graph " + quoted(graph.name()), "these operators cannot be written in opset " + std::to_string(opset),
                 "write a newer opset, or the .omni format");
  }
  onnx::ModelProto model;
  model.set_ir_version(ir_version_of(opset));
  model.set_producer_name("omni");
  model.set_producer_version(OMNI_VERSION);
  std::map<std::string, int64_t> domains;
  GraphWriter(lowered, opset, sink, nullptr).write(*model.mutable_graph(), {}, domains);
  onnx::OperatorSetIdProto& main = *model.add_opset_import();
  main.set_domain("");
  main.set_version(opset);
  for (const auto& [domain, version] : domains) {
    onnx::OperatorSetIdProto& other = *model.add_opset_import();
    other.set_domain(domain);
    other.set_version(version);
  }
  write_metadata(graph, model);
  return model;
}

}  // namespace omni::formats
