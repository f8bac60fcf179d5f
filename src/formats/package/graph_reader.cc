#include "formats/package/graph_reader.h"

#include <bit>
#include <cstring>

#include "core/error.h"
#include "formats/package/coded_tensor.h"
#include "formats/package/package_layout.h"

namespace omni::formats {

using graph::Graph;
using graph::NodeId;
using graph::ValueId;

namespace {

Error broken(const std::string& what, const std::string& where = {}) { return Error(ErrorCode::kInvalidData, "broken package: " + what, where); }

template <class E>
E enumerator(E value, std::string_view what) {
  if (value > E::MAX) throw broken("an unknown " + std::string(what) + " (" + std::to_string(static_cast<int>(value)) + ")");
  return value;
}

std::string_view view(const flatbuffers::String* s) { return s == nullptr ? std::string_view() : std::string_view(s->c_str(), s->size()); }

// The verifier aligns a vector's length, not its elements: those of 8 bytes may stand at any multiple of 4.
template <class T>
std::vector<T> elements(const flatbuffers::Vector<T>* values) {
  std::vector<T> out(values == nullptr ? 0 : values->size());
  if (!out.empty()) std::memcpy(out.data(), values->Data(), out.size() * sizeof(T));
  return out;
}

// Offsets that go up and end where the text does.
Tensor checked_strings(const Shape& shape, std::span<const std::byte> bytes) {
  const size_t count = static_cast<size_t>(shape.count());
  if (count >= bytes.size() / sizeof(uint32_t)) throw broken("a string tensor is cut short");
  const auto offset = [&](size_t i) {
    uint32_t value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    return value;
  };
  const std::span<const std::byte> text = bytes.subspan((count + 1) * sizeof(uint32_t));
  std::vector<std::string> values;
  for (size_t i = 0; i < count; ++i) {
    const uint32_t begin = offset(i), end = offset(i + 1);
    if (begin > end || end > text.size()) throw broken("a string tensor's offsets make no sense");
    values.emplace_back(reinterpret_cast<const char*>(text.data()) + begin, end - begin);
  }
  if (offset(0) != 0 || offset(count) != text.size()) throw broken("a string tensor's offsets make no sense");
  return Tensor::strings(shape, values);
}

}  // namespace

void PackageSource::spend(size_t& left, size_t bytes) {
  if (bytes > left) throw broken("its tables share more than they may");
  left -= bytes;
}

Tensor PackageSource::tensor(const fb::Tensor* t) {
  if (t == nullptr) throw broken("a tensor is missing");
  const auto dtype = static_cast<DType>(enumerator(t->element(), "element type"));
  const fb::Encoding encoding = enumerator(t->encoding(), "encoding");
  if (encoding != fb::Encoding::Dense && encoding != fb::Encoding::Coded) {
    throw Error(ErrorCode::kUnsupported, "a tensor with an encoding that this version cannot read", "", "update omni");
  }
  spend_index(t->shape() == nullptr ? 0 : sizeof(int64_t) * t->shape()->size());
  const Shape shape(elements(t->shape()));
  std::span<const std::byte> bytes;
  const bool in_section = t->section() != kAbsent;
  if (in_section) {
    if (t->section() >= sections_.size()) throw broken("a tensor in a section that is not there");
    const SectionBytes& section = sections_[t->section()];
    if (section.kind != static_cast<uint32_t>(fb::SectionKind::Tensor)) throw broken("a tensor in a section of another kind");
    bytes = section.bytes;
  } else if (t->inline_bytes() != nullptr) {
    bytes = std::as_bytes(std::span(t->inline_bytes()->data(), t->inline_bytes()->size()));
    spend_index(bytes.size());
  }
  if (encoding == fb::Encoding::Coded) return in_section ? decoded(t->section(), dtype, shape) : decode_tensor(dtype, shape, bytes);
  if (dtype == DType::kString) {
    if (in_section) spend(copy_left_, bytes.size());
    return checked_strings(shape, bytes);
  }
  if (bytes.size() != packed_bytes(dtype, static_cast<size_t>(shape.count()))) {
    throw broken(std::to_string(bytes.size()) + " bytes for a tensor " + std::string(dtype_name(dtype)) + shape.text());
  }
  if (in_section && keeper_) return Tensor::view(dtype, shape, bytes.data(), keeper_);
  if (in_section) spend(copy_left_, bytes.size());
  return Tensor::from_bytes(dtype, shape, bytes);
}

Tensor PackageSource::decoded(uint32_t section, DType dtype, const Shape& shape) {
  const auto known = decoded_.find(section);
  if (known != decoded_.end() && known->second.dtype() == dtype && known->second.shape() == shape) return known->second;
  spend(copy_left_, sections_[section].bytes.size());
  return decoded_.insert_or_assign(section, decode_tensor(dtype, shape, sections_[section].bytes)).first->second;
}

Metadata read_metadata(const flatbuffers::Vector<flatbuffers::Offset<fb::KeyValue>>* pairs, PackageSource& source) {
  Metadata metadata;
  if (pairs == nullptr) return metadata;
  for (const fb::KeyValue* pair : *pairs) {
    source.spend_index(pair->key()->size() + pair->value()->size());
    metadata.insert_or_assign(pair->key()->str(), pair->value()->str());
  }
  return metadata;
}

namespace {

class GraphReader {
 public:
  GraphReader(const fb::Graph& table, PackageSource& source, std::shared_ptr<graph::DimTable> dims, int depth)
      : table_(table), source_(source), graph_(table.name()->str(), std::move(dims)), depth_(depth) {}

  Graph read() {
    try {
      if (depth_ > kMaxBodyDepth) throw broken("bodies nested deeper than " + std::to_string(kMaxBodyDepth));
      source_.spend_index(table_.name()->size());
      read_all();
    } catch (const Error& e) {
      throw e.within("graph " + quoted(graph_.name()));
    }
    return std::move(graph_);
  }

 private:
  void read_all() {
    read_expressions();
    if (table_.values() != nullptr) {
      ids_.assign(table_.values()->size(), graph::kNone);
      for (uint32_t i = 0; i < ids_.size(); ++i) read_stored(i);
      for (uint32_t i = 0; i < ids_.size(); ++i) read_owner(i);
    }
    if (table_.nodes() != nullptr) {
      for (const fb::Node* node : *table_.nodes()) read_node(*node);
    }
    for (uint32_t i = 0; i < ids_.size(); ++i) {
      if (ids_[i] == graph::kNone) throw broken("value " + quoted(view(table_.values()->Get(i)->name())) + " is never produced");
    }
    if (table_.outputs() != nullptr) {
      source_.spend_index(4 * table_.outputs()->size());
      for (const uint32_t number : *table_.outputs()) graph_.add_output(required(number));
    }
    if (table_.commits() != nullptr) {
      source_.spend_index(12 * table_.commits()->size());
      for (const fb::Commit* c : *table_.commits()) graph_.add_commit({required(c->state()), required(c->next()), optional(c->guard())});
    }
    for (const auto& [key, value] : read_metadata(table_.metadata(), source_)) graph_.metadata[key] = value;
    source_.spend_index(view(table_.doc()).size());
    graph_.doc = view(table_.doc());
  }

  // Multiplying out a long product could take for ever; our own expressions are short.
  void read_expressions() {
    if (table_.expressions() == nullptr) return;
    for (const flatbuffers::String* s : *table_.expressions()) {
      const std::string_view text = view(s);
      source_.spend_index(text.size());
      if (text.size() > 256 && text.find('*') != std::string_view::npos) throw broken("an expression of " + std::to_string(text.size()) + " characters");
      expressions_.push_back(graph_.dims().parse(text));
    }
  }

  ValueId optional(uint32_t number) const { return number == kAbsent ? graph::kNone : required(number); }
  ValueId required(uint32_t number) const {
    if (number >= ids_.size() || ids_[number] == graph::kNone) throw broken("value " + std::to_string(number) + " is read before it is produced");
    return ids_[number];
  }

  graph::Type type(const fb::Type* t) {
    if (t == nullptr) throw broken("a type is missing");
    graph::Type out;
    out.kind = static_cast<graph::TypeKind>(enumerator(t->kind(), "kind of type"));
    out.dtype = static_cast<DType>(enumerator(t->element(), "element type"));
    out.ranked = !t->unranked();
    if (t->dims() == nullptr) return out;
    if (t->dims()->size() > static_cast<size_t>(Shape::kMaxRank)) throw broken("a type of rank " + std::to_string(t->dims()->size()));
    source_.spend_index(8 * t->dims()->size());
    for (const int64_t d : elements(t->dims())) {
      if (d >= 0) {
        out.dims.emplace_back(d);
      } else {
        const uint64_t index = static_cast<uint64_t>(-1 - d);
        if (index >= expressions_.size()) throw broken("an expression that is not there");
        out.dims.push_back(expressions_[static_cast<size_t>(index)]);
      }
    }
    return out;
  }

  std::string new_name(const flatbuffers::String* s) {
    source_.spend_index(s->size());
    if (s->size() == 0) throw broken("a value without a name");
    if (graph_.find(view(s)) != graph::kNone) throw broken("two values are called " + quoted(view(s)));
    return s->str();
  }

  // Inputs, constants and states.
  void read_stored(uint32_t number) {
    const fb::Value& v = *table_.values()->Get(number);
    const fb::ValueKind kind = enumerator(v.kind(), "kind of value");
    if (kind == fb::ValueKind::Result) return;
    const std::string name = new_name(v.name());
    try {
      if (kind == fb::ValueKind::Input) {
        ids_[number] = graph_.add_input(name, type(v.type()));
      } else {
        const auto role = static_cast<graph::Role>(enumerator(v.role(), "role"));
        Tensor data = source_.tensor(v.tensor());
        ids_[number] = kind == fb::ValueKind::State ? graph_.add_state(name, std::move(data), role) : graph_.add_constant(name, std::move(data), role);
      }
    } catch (const Error& e) {
      throw e.within("value " + quoted(name));
    }
    graph_.value(ids_[number]).layout = static_cast<graph::Layout>(enumerator(v.layout(), "layout"));
  }

  void read_owner(uint32_t number) {
    const uint32_t of = table_.values()->Get(number)->of();
    if (ids_[number] != graph::kNone && of != kAbsent) graph_.value(ids_[number]).of = required(of);
  }

  graph::AttributeValue attribute(const fb::Attribute& a) {
    switch (enumerator(a.kind(), "kind of attribute")) {
      case fb::AttributeKind::Int: return a.int_value();
      case fb::AttributeKind::Float: return std::bit_cast<float>(a.float_bits());
      case fb::AttributeKind::String: source_.spend_index(view(a.string_value()).size()); return std::string(view(a.string_value()));
      case fb::AttributeKind::Ints: return list<int64_t>(a.ints());
      case fb::AttributeKind::Floats: return list<float>(a.floats());
      case fb::AttributeKind::Tensor: return source_.tensor(a.tensor());
      case fb::AttributeKind::Strings: break;
    }
    std::vector<std::string> strings;
    if (a.strings() == nullptr) return strings;
    for (const flatbuffers::String* s : *a.strings()) {
      source_.spend_index(4 + s->size());
      strings.push_back(s->str());
    }
    return strings;
  }
  template <class T>
  std::vector<T> list(const flatbuffers::Vector<T>* values) {
    if (values == nullptr) return {};
    source_.spend_index(sizeof(T) * values->size());
    return elements(values);
  }

  const graph::OpDef& op(const fb::Node& node) const {
    const graph::OpDef* found = source_.ops()(view(node.domain()), view(node.op()));
    const std::string name = (view(node.domain()).empty() ? "" : std::string(view(node.domain())) + ".") + std::string(view(node.op()));
    if (found == nullptr) throw Error(ErrorCode::kUnsupported, "there is no operator " + quoted(name), "", "update omni");
    if (node.version() > static_cast<uint32_t>(found->newest())) {
      throw Error(ErrorCode::kUnsupported, "operator " + name + " as of opset " + std::to_string(node.version()), "", "update omni");
    }
    return *found;
  }

  void read_node(const fb::Node& node) {
    source_.spend_index(view(node.name()).size() + view(node.domain()).size() + view(node.op()).size());
    try {
      add_node(node);
    } catch (const Error& e) {
      throw view(node.name()).empty() ? e : e.within("node " + quoted(view(node.name())));
    }
  }

  void add_node(const fb::Node& node) {
    graph::NodeDraft draft;
    draft.op = &op(node);
    draft.name = view(node.name());
    if (node.inputs() != nullptr) {
      source_.spend_index(4 * node.inputs()->size());
      for (const uint32_t number : *node.inputs()) draft.inputs.push_back(optional(number));
    }
    if (node.attributes() != nullptr) {
      for (const fb::Attribute* a : *node.attributes()) {
        source_.spend_index(a->name()->size());
        draft.attributes.set(view(a->name()), attribute(*a));
      }
    }
    graph::AddOptions options;
    std::vector<uint32_t> outputs;
    if (node.outputs() != nullptr) {
      source_.spend_index(4 * node.outputs()->size());
      outputs = elements(node.outputs());
    }
    if (outputs.empty()) throw broken("a node without outputs");
    for (const uint32_t number : outputs) options.output_names.push_back(output_name(number));
    read_bodies(node, draft, options);
    draft.output_count = static_cast<int>(outputs.size());
    upgrade(draft, node.version());
    take_results(draft, std::move(options), outputs);
  }

  std::string output_name(uint32_t number) {
    if (number == kAbsent) return "";
    if (number >= ids_.size() || table_.values()->Get(number)->kind() != fb::ValueKind::Result) throw broken("a node that produces no result");
    if (ids_[number] != graph::kNone) throw broken("a result that is produced twice");
    return new_name(table_.values()->Get(number)->name());
  }

  void read_bodies(const fb::Node& node, const graph::NodeDraft& draft, graph::AddOptions& options) {
    if (node.bodies() == nullptr) return;
    if (node.captures() == nullptr || node.captures()->size() != node.bodies()->size()) throw broken("bodies and captures differ in number");
    size_t captured = 0;
    for (uint32_t i = 0; i < node.bodies()->size(); ++i) {
      const uint32_t count = node.captures()->Get(i);
      Graph body = GraphReader(*node.bodies()->Get(i), source_, graph_.dim_table(), depth_ + 1).read();
      captured += count;
      if (count > body.inputs().size() || captured > draft.inputs.size()) throw broken("a body captures more than there is");
      options.captures.push_back(static_cast<int>(count));
      options.bodies.push_back(std::make_unique<Graph>(std::move(body)));
    }
  }

  // From the version that was written to the newest one, as import does.
  void upgrade(graph::NodeDraft& draft, uint32_t since) {
    const auto& versions = draft.op->versions;
    size_t at = 0;
    while (at < versions.size() && static_cast<uint32_t>(versions[at].since) > since) ++at;
    if (at == versions.size() && at > 0) throw broken("operator " + graph::op_text(*draft.op) + " of an unknown version");
    for (; at > 0 && draft.results.empty(); --at) {
      if (versions[at].upgrade != nullptr) versions[at].upgrade(graph_, draft);
    }
  }

  void take_results(graph::NodeDraft& draft, graph::AddOptions options, const std::vector<uint32_t>& numbers) {
    const std::vector<std::string> names = options.output_names;
    std::vector<ValueId> results = std::move(draft.results);
    if (results.empty()) {
      options.name = draft.name;
      results = graph_.add(*draft.op, std::move(draft.inputs), std::move(draft.attributes), std::move(options));
    }
    if (results.size() < numbers.size()) throw broken("a node with too many outputs");
    for (size_t i = 0; i < numbers.size(); ++i) {
      if (numbers[i] == kAbsent) continue;
      if (results[i] == graph::kNone) throw broken("an output that is not there");
      ids_[numbers[i]] = results[i];
      graph_.rename(results[i], names[i]);
      set_result_type(*table_.values()->Get(numbers[i]), graph_.value(results[i]));
    }
  }

  // The types that were known when the package was written may say more than inference does now.
  void set_result_type(const fb::Value& stored, graph::Value& value) {
    value.layout = static_cast<graph::Layout>(enumerator(stored.layout(), "layout"));
    if (stored.type() == nullptr) return;
    graph::Type t = type(stored.type());
    const bool fits = t.dtype == value.type.dtype && t.kind == value.type.kind && (!t.ranked || !value.type.ranked || t.rank() == value.type.rank());
    if (!fits) {
      throw broken("value " + quoted(value.name) + " is " + graph::type_text(value.type, graph_.dims()) + ", not " + graph::type_text(t, graph_.dims()));
    }
    value.type = std::move(t);
  }

  const fb::Graph& table_;
  PackageSource& source_;
  Graph graph_;
  int depth_;
  std::vector<ValueId> ids_;  // by the file's numbers; kNone: not yet there
  std::vector<graph::Dim> expressions_;
};

}  // namespace

Graph read_graph(const fb::Graph& table, PackageSource& source) {
  Graph graph = GraphReader(table, source, nullptr, 0).read();
  try {
    graph::verify(graph);
  } catch (const Error& e) {
    throw Error(e.code() == ErrorCode::kInternal ? ErrorCode::kInvalidData : e.code(), e.summary(), e.where(), e.fix());  // the file's fault, not ours
  }
  return graph;
}

}  // namespace omni::formats
