// Values are numbered anew: inputs, constants and states, then results in the order of the nodes, so that a reader needs one pass and the numbers
// depend on the graph's structure alone.
#include "formats/package/graph_writer.h"

#include <bit>

#include "core/error.h"
#include "formats/package/coded_tensor.h"
#include "formats/package/package_layout.h"

namespace omni::formats {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using graph::AttributeValue;
using graph::Graph;
using graph::Node;
using graph::NodeId;
using graph::Value;
using graph::ValueId;

namespace {

// What one graph needs on its way into the index. Expressions are numbered at first use.
class OneGraph {
 public:
  OneGraph(const Graph& graph, FlatBufferBuilder& builder, SectionTable& sections, GraphWriter& bodies, int depth)
      : graph_(graph), builder_(builder), sections_(sections), bodies_(bodies), depth_(depth), order_(graph.order()), numbers_(graph.value_count(), kAbsent) {}

  Offset<fb::Graph> write() {
    if (depth_ > kMaxBodyDepth) throw Error(ErrorCode::kUnsupported, "bodies nested deeper than " + std::to_string(kMaxBodyDepth), where());
    number_values();
    std::vector<Offset<fb::Value>> values;
    for (const ValueId id : ids_) values.push_back(value(id));
    std::vector<Offset<fb::Node>> nodes;
    for (const NodeId id : order_) nodes.push_back(node(graph_.node(id)));
    std::vector<fb::Commit> commits;
    for (const graph::Commit& c : graph_.commits()) commits.emplace_back(number(c.state), number(c.next), number(c.guard));
    std::vector<Offset<flatbuffers::String>> expressions;
    for (const std::string& text : expressions_) expressions.push_back(builder_.CreateString(text));
    const auto name = builder_.CreateString(graph_.name());
    const auto values_at = builder_.CreateVector(values);
    const auto nodes_at = builder_.CreateVector(nodes);
    const auto outputs = builder_.CreateVector(number(graph_.outputs()));
    const auto commits_at = commits.empty() ? 0 : builder_.CreateVectorOfStructs(commits);
    const auto expressions_at = expressions.empty() ? 0 : builder_.CreateVector(expressions);
    const auto metadata = write_metadata(builder_, Metadata(graph_.metadata.begin(), graph_.metadata.end()));
    const auto doc = text(graph_.doc);
    return fb::CreateGraph(builder_, name, values_at, nodes_at, outputs, commits_at, expressions_at, metadata, doc);
  }

 private:
  std::string where() const { return "graph " + quoted(graph_.name()); }

  void number_values() {
    const auto add = [&](ValueId id) {
      numbers_[id] = static_cast<uint32_t>(ids_.size());
      ids_.push_back(id);
    };
    for (const ValueId id : graph_.inputs()) add(id);
    for (ValueId id = 0; id < graph_.value_count(); ++id) {
      const Value& v = graph_.value(id);
      if (!v.erased && (v.kind == graph::ValueKind::kConstant || v.kind == graph::ValueKind::kState)) add(id);
    }
    for (const NodeId id : order_) {
      for (const ValueId out : graph_.node(id).outputs) {
        if (out != graph::kNone) add(out);
      }
    }
  }

  uint32_t number(ValueId id) const { return id == graph::kNone ? kAbsent : numbers_[id]; }
  std::vector<uint32_t> number(const std::vector<ValueId>& ids) const {
    std::vector<uint32_t> out;
    for (const ValueId id : ids) out.push_back(number(id));
    return out;
  }

  Offset<flatbuffers::String> text(std::string_view s) { return s.empty() ? 0 : builder_.CreateString(s.data(), s.size()); }

  Offset<fb::Type> type(const graph::Type& t) {
    std::vector<int64_t> dims;
    for (const graph::Dim d : t.dims) {
      if (d.is_constant()) {
        if (d.value < 0) throw Error(ErrorCode::kUnsupported, "a negative dimension", where());
        dims.push_back(d.value);
        continue;
      }
      const auto [at, is_new] = expression_numbers_.try_emplace(d.expr, static_cast<int64_t>(expressions_.size()));
      if (is_new) expressions_.push_back(graph_.dims().text(d));
      dims.push_back(-1 - at->second);
    }
    return fb::CreateType(builder_, static_cast<fb::TypeKind>(t.kind), static_cast<fb::ElementType>(t.dtype), !t.ranked,
                          dims.empty() ? 0 : builder_.CreateVector(dims));
  }

  Offset<fb::Tensor> tensor(const Tensor& t) {
    const std::vector<int64_t> dims(t.shape().begin(), t.shape().end());
    const auto shape = builder_.CreateVector(dims);
    const std::optional<CodedTensor> coded = bodies_.coded() ? encode_tensor(t) : std::nullopt;
    const Tensor stored = coded ? Tensor::from_bytes(DType::kU8, Shape{static_cast<int64_t>(coded->bytes.size())}, coded->bytes) : t;
    uint32_t section = kAbsent;
    Offset<flatbuffers::Vector<uint8_t>> inline_bytes = 0;
    if (stored.bytes() > kInlineBytes) {
      section = sections_.add(stored);
    } else {
      inline_bytes = builder_.CreateVector(static_cast<const uint8_t*>(stored.data()), stored.bytes());
    }
    const auto encoding = coded ? fb::Encoding::Coded : fb::Encoding::Dense;
    return fb::CreateTensor(builder_, static_cast<fb::ElementType>(t.dtype()), shape, encoding, section, inline_bytes);
  }

  Offset<fb::Value> value(ValueId id) {
    const Value& v = graph_.value(id);
    if (v.encoding != graph::Encoding::kDense) throw Error(ErrorCode::kUnsupported, "a value that is not dense", where() + ", " + quoted(v.name));
    const bool stored = v.kind == graph::ValueKind::kConstant || v.kind == graph::ValueKind::kState;
    const auto name = builder_.CreateString(v.name);
    const Offset<fb::Type> value_type = stored ? 0 : type(v.type);
    const Offset<fb::Tensor> data = stored ? tensor(v.data) : 0;
    return fb::CreateValue(builder_, name, static_cast<fb::ValueKind>(v.kind), value_type, static_cast<fb::Layout>(v.layout), static_cast<fb::Role>(v.role),
                           number(v.of), data);
  }

  Offset<fb::Attribute> attribute(const std::string& name, const AttributeValue& value) {
    const auto key = builder_.CreateString(name);
    Offset<flatbuffers::String> string_value = 0;
    Offset<flatbuffers::Vector<int64_t>> ints = 0;
    Offset<flatbuffers::Vector<float>> floats = 0;
    Offset<flatbuffers::Vector<Offset<flatbuffers::String>>> strings = 0;
    Offset<fb::Tensor> data = 0;
    if (const auto* s = std::get_if<std::string>(&value)) string_value = builder_.CreateString(*s);
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) ints = builder_.CreateVector(*list);
    if (const auto* list = std::get_if<std::vector<float>>(&value)) floats = builder_.CreateVector(*list);
    if (const auto* list = std::get_if<std::vector<std::string>>(&value)) strings = builder_.CreateVectorOfStrings(*list);
    if (const auto* t = std::get_if<Tensor>(&value)) data = tensor(*t);
    fb::AttributeBuilder out(builder_);
    out.add_name(key);
    out.add_kind(static_cast<fb::AttributeKind>(value.index()));
    if (const auto* i = std::get_if<int64_t>(&value)) out.add_int_value(*i);
    if (const auto* f = std::get_if<float>(&value)) out.add_float_bits(std::bit_cast<uint32_t>(*f));
    if (!string_value.IsNull()) out.add_string_value(string_value);
    if (!ints.IsNull()) out.add_ints(ints);
    if (!floats.IsNull()) out.add_floats(floats);
    if (!strings.IsNull()) out.add_strings(strings);
    if (!data.IsNull()) out.add_tensor(data);
    return out.Finish();
  }

  Offset<fb::Node> node(const Node& n) {
    std::vector<Offset<fb::Attribute>> attributes;
    for (const auto& [name, value] : n.attributes) attributes.push_back(attribute(name, value));
    std::vector<Offset<fb::Graph>> bodies;
    for (const auto& body : n.bodies) bodies.push_back(bodies_.write(*body, depth_ + 1));
    std::vector<uint32_t> captures(n.captures.begin(), n.captures.end());
    // FlatBuffers asserts at 2 GiB; we stop earlier, and say so.
    if (builder_.GetSize() > kMaxIndexBytes) throw Error(ErrorCode::kUnsupported, "more than 1 GiB of graph besides its tensors", where());
    const auto domain = text(n.op->domain);
    const auto op = builder_.CreateString(n.op->name.data(), n.op->name.size());
    const auto name = text(n.name);
    const auto inputs = builder_.CreateVector(number(n.inputs));
    const auto outputs = builder_.CreateVector(number(n.outputs));
    const auto attributes_at = attributes.empty() ? 0 : builder_.CreateVector(attributes);
    const auto bodies_at = bodies.empty() ? 0 : builder_.CreateVector(bodies);
    const auto captures_at = bodies.empty() ? 0 : builder_.CreateVector(captures);
    return fb::CreateNode(builder_, domain, op, static_cast<uint32_t>(n.op->newest()), name, inputs, outputs, attributes_at, bodies_at, captures_at);
  }

  const Graph& graph_;
  FlatBufferBuilder& builder_;
  SectionTable& sections_;
  GraphWriter& bodies_;
  int depth_;
  std::vector<NodeId> order_;
  std::vector<uint32_t> numbers_;  // by ValueId
  std::vector<ValueId> ids_;       // by number
  std::vector<std::string> expressions_;
  std::unordered_map<uint32_t, int64_t> expression_numbers_;
};

}  // namespace

Offset<fb::Graph> GraphWriter::write(const Graph& graph, int depth) { return OneGraph(graph, builder_, sections_, *this, depth).write(); }

KeyValues write_metadata(FlatBufferBuilder& builder, const Metadata& metadata) {
  if (metadata.empty()) return 0;
  std::vector<Offset<fb::KeyValue>> pairs;
  for (const auto& [key, value] : metadata) {
    const auto key_at = builder.CreateString(key);
    pairs.push_back(fb::CreateKeyValue(builder, key_at, builder.CreateString(value)));
  }
  return builder.CreateVector(pairs);
}

}  // namespace omni::formats
