// The text form, read. Untrusted: everything is checked, nesting is bounded, errors carry line and column.
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "core/error.h"
#include "core/half.h"
#include "graph/graph.h"
#include "graph/text.h"

namespace omni::graph {

namespace {

constexpr int kMaxDepth = 32;
constexpr int64_t kMaxSplat = int64_t{1} << 28;  // elements: a line of text must not ask for more memory than a gigabyte

class Parser {
 public:
  Parser(std::string_view text, OpLookup ops, const TensorResolver* tensors) : text_(text), ops_(ops), tensors_(tensors) {}

  Graph parse() {
    Graph graph = parse_graph(nullptr, 0);
    skip_space();
    if (at_ != text_.size()) fail("text after the graph");
    return graph;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at_ && i < text_.size(); ++i) {
      column = text_[i] == '\n' ? 1 : column + 1;
      line += text_[i] == '\n';
    }
    throw Error(ErrorCode::kInvalidData, what, "graph text, line " + std::to_string(line) + ", column " + std::to_string(column));
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  char peek() {
    skip_space();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(std::string_view token) {
    skip_space();
    if (!text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!take(token)) fail("expected " + quoted(token));
  }
  static bool name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  }
  std::string_view word() {
    skip_space();
    const size_t start = at_;
    while (at_ < text_.size() && name_char(text_[at_])) ++at_;
    return text_.substr(start, at_ - start);
  }
  bool take_word(std::string_view expected) {
    const size_t start = at_;
    if (word() == expected) return true;
    at_ = start;
    return false;
  }
  std::string string_literal() {
    expect("\"");
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        out += text_[at_++];
        continue;
      }
      if (++at_ >= text_.size()) break;
      if (text_[at_] == 'x') {
        unsigned byte = 0;
        if (at_ + 2 >= text_.size() || std::from_chars(&text_[at_ + 1], &text_[at_] + 3, byte, 16).ptr != &text_[at_] + 3) fail("a broken \\x escape");
        out += static_cast<char>(byte);
        at_ += 3;
      } else {
        out += text_[at_++];
      }
    }
    if (at_ >= text_.size()) fail("a string without its closing quote");
    ++at_;
    return out;
  }
  std::string name() {
    if (peek() == '"') return string_literal();
    const std::string_view w = word();
    if (w.empty()) fail("expected a name");
    return std::string(w);
  }
  int64_t integer() {
    skip_space();
    int64_t v = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + text_.size(), v);
    if (result.ec != std::errc()) fail("expected an integer");
    at_ = static_cast<size_t>(result.ptr - text_.data());
    return v;
  }

  // ---- values
  std::string value_name() {
    expect("%");
    if (at_ < text_.size() && text_[at_] == '"') return string_literal();
    const size_t start = at_;
    while (at_ < text_.size() && name_char(text_[at_])) ++at_;
    if (at_ == start) fail("expected a value's name");
    return std::string(text_.substr(start, at_ - start));
  }
  ValueId value(const Graph& graph) {
    if (peek() == '_' && (at_ + 1 >= text_.size() || !name_char(text_[at_ + 1]))) {
      ++at_;
      return kNone;
    }
    const std::string n = value_name();
    const ValueId id = graph.find(n);
    if (id == kNone) fail("no value " + quoted(n) + " before this line");
    return id;
  }

  DType dtype() {
    const size_t start = at_;
    const std::optional<DType> t = parse_dtype(word());
    if (!t) {
      at_ = start;
      fail("expected an element type (f32, i64, …)");
    }
    return *t;
  }
  // The text between '[' and its ']', which is consumed too. Dimension names in single quotes may hold anything.
  std::string_view bracketed() {
    expect("[");
    const size_t start = at_;
    bool in_name = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (in_name && c == '\\') {
        ++at_;
      } else if (c == '\'') {
        in_name = !in_name;
      } else if (c == ']' && !in_name) {
        return text_.substr(start, at_++ - start);
      }
    }
    fail("a '[' without its ']'");
  }
  Type tensor_type(DimTable& dims) {
    Type type;
    type.dtype = dtype();
    const std::string_view body = bracketed();
    if (body == "*") {
      type.ranked = false;
      return type;
    }
    int depth = 0;
    bool in_name = false;
    size_t start = 0;
    for (size_t i = 0; i <= body.size(); ++i) {
      const char c = i < body.size() ? body[i] : ',';
      if (in_name && c == '\\') {
        ++i;
        continue;
      }
      if (c == '\'' && i < body.size()) in_name = !in_name;
      if (in_name && i < body.size()) continue;
      depth += (c == '(') - (c == ')');
      if (c != ',' || (depth != 0 && i < body.size())) continue;
      if (i == body.size() && body.empty()) break;
      try {
        type.dims.push_back(dims.parse(body.substr(start, i - start)));
      } catch (const Error& error) {
        fail(error.summary());
      }
      start = i + 1;
    }
    if (type.rank() > Shape::kMaxRank) fail("a tensor of rank over 8");
    return type;
  }
  Type type(DimTable& dims) {
    if (take("opt(seq(")) return closed(tensor_type(dims), TypeKind::kOptionalSequence, "))");
    if (take("opt(")) return closed(tensor_type(dims), TypeKind::kOptional, ")");
    if (take("seq(")) return closed(tensor_type(dims), TypeKind::kSequence, ")");
    return tensor_type(dims);
  }
  Type closed(Type t, TypeKind kind, std::string_view end) {
    expect(end);
    t.kind = kind;
    return t;
  }
  Layout layout() {
    if (!take("@")) return Layout::kPlain;
    const std::string_view w = word();
    if (w == "channels_last") return Layout::kChannelsLast;
    if (w != "plain") fail("expected plain or channels_last");
    return Layout::kPlain;
  }

  // ---- tensors
  template <class T, class Bits>
  T real() {
    skip_space();
    if (take("nan(")) {
      Bits bits = 0;
      const auto result = std::from_chars(text_.data() + at_, text_.data() + text_.size(), bits, 16);
      if (result.ec != std::errc()) fail("expected the bits of a NaN");
      at_ = static_cast<size_t>(result.ptr - text_.data());
      expect(")");
      return std::bit_cast<T>(bits);
    }
    T v = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + text_.size(), v);
    if (result.ec != std::errc()) fail("expected a number");
    at_ = static_cast<size_t>(result.ptr - text_.data());
    return v;
  }
  template <class T>
  void store_integer(Tensor& t, int64_t i) {
    skip_space();
    T v = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + text_.size(), v);
    if (result.ec != std::errc()) fail("expected an integer that fits " + std::string(dtype_name(t.dtype())));
    at_ = static_cast<size_t>(result.ptr - text_.data());
    static_cast<T*>(t.mutable_data())[i] = v;
  }
  void element(Tensor& t, int64_t i) {
    void* p = t.mutable_data();
    switch (t.dtype()) {
      case DType::kF32: static_cast<float*>(p)[i] = real<float, uint32_t>(); break;
      case DType::kF64: static_cast<double*>(p)[i] = real<double, uint64_t>(); break;
      case DType::kF16: static_cast<uint16_t*>(p)[i] = f32_to_f16(real<float, uint32_t>()); break;
      case DType::kBF16: static_cast<uint16_t*>(p)[i] = f32_to_bf16(real<float, uint32_t>()); break;
      case DType::kI8: store_integer<int8_t>(t, i); break;
      case DType::kU8:
      case DType::kBool: store_integer<uint8_t>(t, i); break;
      case DType::kI16: store_integer<int16_t>(t, i); break;
      case DType::kU16: store_integer<uint16_t>(t, i); break;
      case DType::kI32: store_integer<int32_t>(t, i); break;
      case DType::kU32: store_integer<uint32_t>(t, i); break;
      case DType::kI64: store_integer<int64_t>(t, i); break;
      case DType::kU64: store_integer<uint64_t>(t, i); break;
      case DType::kI4:
      case DType::kU4: {
        const int64_t v = integer();
        if (v < -8 || v > 15) fail("expected an integer of 4 bits");
        pack_4bit(static_cast<uint8_t*>(p), i, static_cast<uint8_t>(v & 15));
        break;
      }
      case DType::kString: break;
    }
  }
  Tensor tensor() {
    DimTable none;
    const Type t = tensor_type(none);
    std::optional<Shape> shape;
    try {
      shape = t.shape();
    } catch (const Error& error) {
      fail(error.summary());
    }
    if (!shape) fail("a tensor of unknown shape");
    if (take("#")) return resolved(t.dtype, *shape);
    const bool splat = take("splat(");
    if (!splat) expect("{");
    // Each inline element takes two characters at least, so the text bounds what is allocated.
    const int64_t limit = splat ? kMaxSplat : static_cast<int64_t>(text_.size());
    if (shape->count() > limit) fail("a tensor of more elements than the text can hold");
    if (t.dtype == DType::kString) return splat ? (fail("a splat of strings"), Tensor()) : strings(*shape);
    Tensor out(t.dtype, *shape);
    if (splat) {
      if (shape->count() == 0) fail("a splat of no elements");
      element(out, 0);
      const size_t size = dtype_size(t.dtype);
      if (dtype_bits(t.dtype) < 8) fail("a splat of 4-bit elements");
      char* p = static_cast<char*>(out.mutable_data());
      for (size_t i = size; i < out.bytes(); ++i) p[i] = p[i - size];
      expect(")");
      return out;
    }
    for (int64_t i = 0; i < out.count(); ++i) {
      if (i > 0) expect(",");
      element(out, i);
    }
    expect("}");
    return out;
  }
  Tensor strings(const Shape& shape) {
    std::vector<std::string> values;
    for (int64_t i = 0; i < shape.count(); ++i) {
      if (i > 0) expect(",");
      values.push_back(string_literal());
    }
    expect("}");
    return Tensor::strings(shape, values);
  }
  Tensor resolved(DType dtype, const Shape& shape) {
    const std::string hash(word());
    if (tensors_ == nullptr) fail("a tensor that is only named by its hash");
    Tensor t = tensors_->resolve(hash);
    if (t.dtype() != dtype || !(t.shape() == shape)) fail("the tensor of that hash has another type");
    return t;
  }

  // ---- attributes
  bool looks_like_tensor() {
    const size_t start = at_;
    const bool is = parse_dtype(word()).has_value() && peek() == '[';
    at_ = start;
    return is;
  }
  static bool is_integer_text(std::string_view text) {
    size_t i = !text.empty() && text[0] == '-' ? 1 : 0;
    if (i == text.size()) return false;
    for (; i < text.size(); ++i) {
      if (text[i] < '0' || text[i] > '9') return false;
    }
    return true;
  }
  bool next_is_integer() {
    skip_space();
    size_t end = at_;
    while (end < text_.size() && (name_char(text_[end]) || text_[end] == '-' || text_[end] == '+')) ++end;
    return is_integer_text(text_.substr(at_, end - at_));
  }
  template <class T, class F>
  std::vector<T> list(F&& each) {
    std::vector<T> out;
    if (take("]")) return out;
    do out.push_back(each());
    while (take(","));
    expect("]");
    return out;
  }
  AttributeValue attribute() {
    const char c = peek();
    if (c == '"') return string_literal();
    if (take("f[")) return list<float>([&] { return real<float, uint32_t>(); });
    if (take("s[")) return list<std::string>([&] { return string_literal(); });
    if (looks_like_tensor()) return tensor();
    if (take("[")) {
      if (peek() == '"') return list<std::string>([&] { return string_literal(); });
      if (peek() == ']' || next_is_integer()) return list<int64_t>([&] { return integer(); });
      return list<float>([&] { return real<float, uint32_t>(); });
    }
    if (next_is_integer()) return integer();
    return real<float, uint32_t>();
  }

  // ---- lines
  Graph parse_graph(std::shared_ptr<DimTable> dims, int depth) {
    if (depth > kMaxDepth) fail("bodies nested deeper than " + std::to_string(kMaxDepth));
    if (!take_word("graph")) fail("expected \"graph\"");
    Graph graph(name(), std::move(dims));
    expect("(");
    while (!take(")")) {
      const std::string n = value_name();
      unused(graph, n);
      expect(":");
      const Type t = type(graph.dims());
      const ValueId id = graph.add_input(n, t);
      graph.value(id).layout = layout();
      if (!take(",") && peek() != ')') fail("expected ',' or ')'");
    }
    expect("->");
    expect("(");
    std::vector<std::string> outputs;
    while (!take(")")) {
      outputs.push_back(value_name());
      if (!take(",") && peek() != ')') fail("expected ',' or ')'");
    }
    expect("{");
    std::vector<std::pair<ValueId, std::string>> owners;
    while (!take("}")) line(graph, owners, depth);
    for (const auto& [id, owner] : owners) {
      const ValueId of = graph.find(owner);
      if (of == kNone) fail("no value " + quoted(owner));
      graph.value(id).of = of;
    }
    for (const std::string& n : outputs) {
      const ValueId id = graph.find(n);
      if (id == kNone) fail("output " + quoted(n) + " is never produced");
      graph.add_output(id);
    }
    return graph;
  }
  void unused(const Graph& graph, const std::string& n) {
    if (graph.find(n) != kNone) fail("a second value " + quoted(n));
  }
  void line(Graph& graph, std::vector<std::pair<ValueId, std::string>>& owners, int depth) {
    if (take_word("const")) return stored(graph, owners, false);
    if (take_word("state")) return stored(graph, owners, true);
    if (take_word("commit")) {
      Commit c;
      c.state = value(graph);
      expect("<-");
      c.next = value(graph);
      if (c.state == kNone || c.next == kNone) fail("a commit of nothing");
      if (graph.value(c.state).kind != ValueKind::kState) fail("a commit to something that is no state");
      if (take_word("if")) c.guard = value(graph);
      graph.add_commit(c);
      return;
    }
    node(graph, depth);
  }
  void stored(Graph& graph, std::vector<std::pair<ValueId, std::string>>& owners, bool is_state) {
    const std::string n = value_name();
    unused(graph, n);
    const Layout physical = layout();
    expect("=");
    Tensor data = tensor();
    Role role = Role::kConstant;
    if (take_word("kind")) {
      expect("=");
      const std::optional<Role> parsed = parse_role(word());
      if (!parsed) fail("not a kind of state");
      role = *parsed;
    }
    const ValueId id = is_state ? graph.add_state(n, std::move(data), role) : graph.add_constant(n, std::move(data), role);
    graph.value(id).layout = physical;
    if (take_word("of")) {
      expect("=");
      owners.emplace_back(id, value_name());
    }
  }
  struct Result {
    std::string name;
    std::optional<Type> type;
    Layout layout = Layout::kPlain;
  };
  std::vector<Result> results(Graph& graph) {
    std::vector<Result> out;
    do {
      Result r;
      if (peek() == '_' && (at_ + 1 >= text_.size() || !name_char(text_[at_ + 1]))) {
        ++at_;
      } else {
        r.name = value_name();
        unused(graph, r.name);
        if (take(":")) r.type = type(graph.dims());
        r.layout = layout();
      }
      out.push_back(std::move(r));
    } while (take(","));
    return out;
  }
  const OpDef& op() {
    skip_space();
    const size_t start = at_;
    const std::string_view full = word();
    const size_t dot = full.rfind('.');
    const std::string_view domain = dot == std::string_view::npos ? std::string_view() : full.substr(0, dot);
    const std::string_view base = dot == std::string_view::npos ? full : full.substr(dot + 1);
    const OpDef* found = ops_(domain, base);
    if (found == nullptr) {
      at_ = start;
      fail("no operator " + quoted(full));
    }
    return *found;
  }
  void node(Graph& graph, int depth) {
    const std::vector<Result> wanted = results(graph);
    expect("=");
    const OpDef& definition = op();
    std::vector<ValueId> inputs;
    expect("(");
    while (!take(")")) {
      inputs.push_back(value(graph));
      if (!take(",") && peek() != ')') fail("expected ',' or ')'");
    }
    Attributes attributes;
    AddOptions options;
    for (;;) {
      const size_t start = at_;
      if (take_word("as")) {
        if (peek() == '"') {
          options.name = string_literal();
          continue;
        }
        at_ = start;
      }
      if (take_word("body")) {
        if (peek() != '=') {
          options.captures.push_back(static_cast<int>(std::clamp<int64_t>(integer(), 0, 1 << 20)));
          options.bodies.push_back(std::make_unique<Graph>(parse_graph(graph.dim_table(), depth + 1)));
          continue;
        }
        at_ = start;
      }
      const char c = peek();
      if (c == '}' || c == '%' || c == '\0' || c == '_') break;
      const std::string key = name();
      if (!take("=")) {
        at_ = start;
        break;
      }
      attributes.set(key, attribute());
    }
    for (const Result& r : wanted) options.output_names.push_back(r.name);
    add(graph, definition, std::move(inputs), std::move(attributes), std::move(options), wanted);
  }
  void add(Graph& graph, const OpDef& definition, std::vector<ValueId> inputs, Attributes attributes, AddOptions options, const std::vector<Result>& wanted) {
    std::vector<ValueId> outputs;
    for (size_t b = 0; b < options.bodies.size(); ++b) {
      if (static_cast<size_t>(options.captures[b]) > options.bodies[b]->inputs().size()) fail("a body captures more than it has inputs");
    }
    size_t captured = 0;
    for (const int n : options.captures) captured += static_cast<size_t>(n);
    if (captured > inputs.size()) fail("a node captures more than it has inputs");
    try {
      outputs = graph.add(definition, std::move(inputs), std::move(attributes), std::move(options));
    } catch (const Error& error) {
      fail(error.what());
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (outputs[i] == kNone) continue;
      Value& v = graph.value(outputs[i]);
      v.layout = wanted[i].layout;
      if (!wanted[i].type) continue;
      const Type& t = *wanted[i].type;
      const bool fits = t.dtype == v.type.dtype && t.kind == v.type.kind && (!t.ranked || !v.type.ranked || t.rank() == v.type.rank());
      if (!fits) fail("the result is " + type_text(v.type, graph.dims()) + ", the text says " + type_text(t, graph.dims()));
      v.type = t;
    }
  }

  std::string_view text_;
  OpLookup ops_;
  const TensorResolver* tensors_;
  size_t at_ = 0;
};

}  // namespace

Graph parse(std::string_view text, OpLookup ops, const TensorResolver* tensors) { return Parser(text, ops, tensors).parse(); }

}  // namespace omni::graph
