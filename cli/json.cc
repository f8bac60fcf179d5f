// The only file that includes nlohmann/json.
#include "json.h"

#include <nlohmann/json.hpp>

namespace omni::cli {

struct JsonAccess {
  static nlohmann::ordered_json convert(const Json& json) {
    return std::visit(
        [](const auto& value) -> nlohmann::ordered_json {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, Json::Array>) {
            auto list = nlohmann::ordered_json::array();
            for (const Json& item : value) list.push_back(convert(item));
            return list;
          } else if constexpr (std::is_same_v<T, Json::Object>) {
            auto object = nlohmann::ordered_json::object();
            for (const auto& [key, item] : value) object[key] = convert(item);
            return object;
          } else {
            return value;
          }
        },
        json.value_);
  }
};

Json& Json::set(std::string_view key, Json value) {
  Object& object = std::get<Object>(value_);
  for (auto& [name, old] : object) {
    if (name == key) {
      old = std::move(value);
      return *this;
    }
  }
  object.emplace_back(std::string(key), std::move(value));
  return *this;
}

Json& Json::push(Json value) {
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

std::string Json::text(bool indented) const {
  return JsonAccess::convert(*this).dump(indented ? 2 : -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace omni::cli
