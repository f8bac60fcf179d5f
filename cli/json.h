// What a command answers, as data: becomes the JSON of --json. Objects keep the order in which their keys were set.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace omni::cli {

class Json {
 public:
  Json() : value_(nullptr) {}  // null
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<int64_t>(value)) {}
  Json(int64_t value) : value_(value) {}
  Json(uint64_t value) : value_(value) {}
  Json(double value) : value_(value) {}  // infinities and NaN become null
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}

  static Json array() { return Json(Array{}); }
  static Json object() { return Json(Object{}); }
  template <class T>
  static Json array(const T& values) {
    Json list = array();
    for (const auto& value : values) list.push(Json(value));
    return list;
  }

  // Of an object: adds a key, or replaces its value.
  Json& set(std::string_view key, Json value);
  // Of an array.
  Json& push(Json value);

  // Indented by two, or on one line. Bytes that are no UTF-8 become U+FFFD.
  std::string text(bool indented) const;

 private:
  friend struct JsonAccess;
  using Array = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;
  explicit Json(Array values) : value_(std::move(values)) {}
  explicit Json(Object values) : value_(std::move(values)) {}

  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object> value_;
};

}  // namespace omni::cli
