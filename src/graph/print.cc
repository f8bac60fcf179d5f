// The text form, written. docs/graph-text.md has the grammar; parse.cc reads it back.
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/half.h"
#include "core/sha256.h"
#include "graph/graph.h"
#include "graph/text.h"

namespace omni::graph {

std::string quote(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char raw : text) {
    const unsigned char c = static_cast<unsigned char>(raw);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += raw;
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 15];
    } else {
      out += raw;
    }
  }
  return out + "\"";
}

bool is_plain_name(std::string_view name) {
  if (name.empty() || name == "_") return false;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (!plain) return false;
  }
  return true;
}

std::string tensor_hash(const Tensor& tensor) {
  return sha256_hex({static_cast<const std::byte*>(tensor.data()), tensor.bytes()});
}

namespace {

template <class T>
std::string number(T v) {
  std::array<char, 64> buffer;
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), v);
  return {buffer.data(), result.ptr};
}

// Shortest text that reads back as the same value, with a mark that it is no integer; NaNs carry their bits.
template <class T, class Bits>
std::string real(T v) {
  if (std::isnan(v)) {
    std::array<char, 32> buffer;
    const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::bit_cast<Bits>(v), 16);
    return "nan(" + std::string(buffer.data(), result.ptr) + ")";
  }
  if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
  std::string text = number(v);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string element(const Tensor& t, int64_t i) {
  const void* p = t.data();
  switch (t.dtype()) {
    case DType::kF32: return real<float, uint32_t>(static_cast<const float*>(p)[i]);
    case DType::kF64: return real<double, uint64_t>(static_cast<const double*>(p)[i]);
    case DType::kF16: return real<float, uint32_t>(f16_to_f32(static_cast<const uint16_t*>(p)[i]));
    case DType::kBF16: return real<float, uint32_t>(bf16_to_f32(static_cast<const uint16_t*>(p)[i]));
    case DType::kI8: return number(static_cast<const int8_t*>(p)[i]);
    case DType::kU8:
    case DType::kBool: return number(static_cast<const uint8_t*>(p)[i]);
    case DType::kI16: return number(static_cast<const int16_t*>(p)[i]);
    case DType::kU16: return number(static_cast<const uint16_t*>(p)[i]);
    case DType::kI32: return number(static_cast<const int32_t*>(p)[i]);
    case DType::kU32: return number(static_cast<const uint32_t*>(p)[i]);
    case DType::kI64: return number(static_cast<const int64_t*>(p)[i]);
    case DType::kU64: return number(static_cast<const uint64_t*>(p)[i]);
    case DType::kI4: return number(unpack_i4(static_cast<const uint8_t*>(p), i));
    case DType::kU4: return number(unpack_u4(static_cast<const uint8_t*>(p), i));
    case DType::kString: return quote(t.string_at(i));
  }
  return {};
}

bool is_splat(const Tensor& t) {
  const size_t size = dtype_size(t.dtype());
  if (t.dtype() == DType::kString || dtype_bits(t.dtype()) < 8 || t.bytes() < 2 * size) return false;
  const char* p = static_cast<const char*>(t.data());
  return std::memcmp(p, p + size, t.bytes() - size) == 0;
}

std::string tensor_text(const Tensor& t) {
  constexpr int64_t kInline = 64;
  std::string out(dtype_name(t.dtype()));
  out += t.shape().text();
  if (t.count() <= kInline || t.dtype() == DType::kString) {
    out += '{';
    for (int64_t i = 0; i < t.count(); ++i) {
      if (i > 0) out += ',';
      out += element(t, i);
    }
    return out + '}';
  }
  if (is_splat(t)) return out + "splat(" + element(t, 0) + ")";
  return out + '#' + tensor_hash(t);
}

template <class T, class F>
std::string list_text(const std::vector<T>& values, std::string_view empty, F&& each) {
  if (values.empty()) return std::string(empty);
  std::string out = "[";
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    out += each(values[i]);
  }
  return out + "]";
}

std::string attribute_text(const AttributeValue& value) {
  struct Visitor {
    std::string operator()(int64_t v) const { return number(v); }
    std::string operator()(float v) const { return real<float, uint32_t>(v); }
    std::string operator()(const std::string& v) const { return quote(v); }
    std::string operator()(const std::vector<int64_t>& v) const { return list_text(v, "[]", [](int64_t x) { return number(x); }); }
    std::string operator()(const std::vector<float>& v) const { return list_text(v, "f[]", [](float x) { return real<float, uint32_t>(x); }); }
    std::string operator()(const std::vector<std::string>& v) const { return list_text(v, "s[]", [](const std::string& x) { return quote(x); }); }
    std::string operator()(const Tensor& v) const { return tensor_text(v); }
  };
  return std::visit(Visitor{}, value);
}

class Printer {
 public:
  explicit Printer(const Graph& graph, int indent) : graph_(graph), indent_(static_cast<size_t>(indent), ' ') {}

  std::string print() {
    out_ = "graph " + (is_plain_name(graph_.name()) ? graph_.name() : quote(graph_.name())) + "(";
    for (size_t i = 0; i < graph_.inputs().size(); ++i) {
      if (i > 0) out_ += ", ";
      out_ += typed(graph_.inputs()[i]);
    }
    out_ += ") -> (" + names(graph_.outputs()) + ") {\n";
    for (const ValueId id : graph_.states()) stored("state ", id);
    for (const ValueId id : graph_.constants()) stored("const ", id);
    for (const NodeId id : graph_.order()) node(graph_.node(id));
    for (const Commit& c : graph_.commits()) {
      out_ += indent_ + "  commit " + name(c.state) + " <- " + name(c.next);
      if (c.guard != kNone) out_ += " if " + name(c.guard);
      out_ += '\n';
    }
    return out_ + indent_ + "}\n";
  }

 private:
  std::string name(ValueId id) const {
    if (id == kNone) return "_";
    const std::string& n = graph_.value(id).name;
    return "%" + (is_plain_name(n) ? n : quote(n));
  }

  std::string names(const std::vector<ValueId>& ids) const {
    std::string out;
    for (size_t i = 0; i < ids.size(); ++i) out += (i > 0 ? ", " : "") + name(ids[i]);
    return out;
  }

  std::string typed(ValueId id) const {
    if (id == kNone) return "_";
    const Value& v = graph_.value(id);
    std::string out = name(id) + ":" + type_text(v.type, graph_.dims());
    if (v.layout != Layout::kPlain) out += "@" + std::string(layout_name(v.layout));
    return out;
  }

  void stored(std::string_view word, ValueId id) {
    const Value& v = graph_.value(id);
    out_ += indent_ + "  " + std::string(word) + name(id);
    if (v.layout != Layout::kPlain) out_ += "@" + std::string(layout_name(v.layout));
    out_ += " = " + tensor_text(v.data);
    if (v.role != Role::kConstant) out_ += " kind=" + std::string(role_name(v.role));
    if (v.of != kNone) out_ += " of=" + name(v.of);
    out_ += '\n';
  }

  void node(const Node& n) {
    out_ += indent_ + "  ";
    for (size_t i = 0; i < n.outputs.size(); ++i) out_ += (i > 0 ? ", " : "") + typed(n.outputs[i]);
    out_ += " = " + op_text(*n.op) + "(" + names(n.inputs) + ")";
    for (const auto& [key, value] : n.attributes) out_ += " " + (is_plain_name(key) ? key : quote(key)) + "=" + attribute_text(value);
    if (!n.name.empty()) out_ += " as " + quote(n.name);
    for (size_t b = 0; b < n.bodies.size(); ++b) {
      std::string body = Printer(*n.bodies[b], static_cast<int>(indent_.size()) + 2).print();
      body.pop_back();
      out_ += " body " + number(n.captures[b]) + " " + body;
    }
    out_ += '\n';
  }

  const Graph& graph_;
  std::string indent_, out_;
};

}  // namespace

std::string print(const Graph& graph) { return Printer(graph, 0).print(); }

}  // namespace omni::graph
