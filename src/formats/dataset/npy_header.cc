#include "formats/dataset/npy_header.h"

#include <charconv>
#include <optional>

#include "core/error.h"

namespace omni::formats {

namespace {

using core::quoted;
using core::Shape;

class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  NpyHeader run() {
    NpyHeader header;
    bool descr = false, order = false, shape = false;
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        read_descr(header);
        descr = true;
      } else if (key == "fortran_order") {
        header.fortran = boolean();
        order = true;
      } else if (key == "shape") {
        header.shape = tuple();
        shape = true;
      } else {
        fail("unknown key " + quoted(key));
      }
      if (!take(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) fail("text behind the dictionary");
    if (!descr || !order || !shape) fail("descr, fortran_order or shape is missing");
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::kInvalidData, "broken NPY header: " + what + " at character " + std::to_string(at_), where_, "save the array again with numpy.save");
  }
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
  }
  bool take(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(std::string("expected '") + c + "'");
  }
  std::string string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail("expected a string");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail("a string without end");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {std::string_view("True"), std::string_view("False")}) {
      if (text_.substr(at_).starts_with(word)) {
        at_ += word.size();
        return word == "True";
      }
    }
    fail("expected True or False");
  }
  std::optional<int64_t> integer() {
    skip_spaces();
    int64_t value = 0;
    const auto result = std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (result.ec == std::errc::invalid_argument) return std::nullopt;
    if (result.ec != std::errc() || value < 0) fail("a dimension out of range");
    at_ = static_cast<size_t>(result.ptr - text_.data());
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2 wrote long integers so
    return value;
  }
  Shape tuple() {
    std::vector<int64_t> dims;
    expect('(');
    while (!take(')')) {
      const std::optional<int64_t> value = integer();
      if (!value) fail("expected a dimension");
      dims.push_back(*value);
      if (dims.size() > 64) fail("too many dimensions");
      if (!take(',')) {
        expect(')');
        break;
      }
    }
    try {
      return Shape(dims);
    } catch (const Error& e) {
      throw e.within(where_);
    }
  }
  void read_descr(NpyHeader& header) {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[') {
      throw Error(ErrorCode::kUnsupported, "an array of records", where_, "save each field as an array of its own");
    }
    const std::string descr = string();
    std::string_view rest = descr;
    if (!rest.empty() && std::string_view("<>|=").find(rest[0]) != std::string_view::npos) {
      header.order = rest[0];
      rest.remove_prefix(1);
    }
    header.kind = rest.empty() ? '\0' : rest[0];
    if (!rest.empty()) rest.remove_prefix(1);
    const auto result = std::from_chars(rest.data(), rest.data() + rest.size(), header.size);
    const bool numeric = header.kind == 'f' || header.kind == 'i' || header.kind == 'u' || header.kind == 'b';
    const bool known = numeric || header.kind == 'S' || header.kind == 'U';
    if (!known || result.ec != std::errc() || result.ptr != rest.data() + rest.size() || header.size > (1u << 24)) {
      throw Error(ErrorCode::kUnsupported, "elements of type " + quoted(descr), where_,
                  header.kind == 'O' ? "Python objects cannot be read; save numbers" : "convert the array with astype first");
    }
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

}  // namespace

NpyHeader parse_npy_header(std::string_view text, const std::string& where) { return HeaderParser(text, where).run(); }

}  // namespace omni::formats
