#include "graph/attribute.h"

#include <algorithm>

namespace omni::graph {

bool attribute_equal(const AttributeValue& a, const AttributeValue& b) {
  if (a.index() != b.index()) return false;
  if (const Tensor* t = std::get_if<Tensor>(&a)) return t->equal(std::get<Tensor>(b));
  return std::visit(
      [&](const auto& x) {
        using T = std::decay_t<decltype(x)>;
        if constexpr (std::is_same_v<T, Tensor>) {
          return false;
        } else {
          return x == std::get<T>(b);
        }
      },
      a);
}

void Attributes::set(std::string_view name, AttributeValue value) {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), name, [](const auto& e, std::string_view n) { return e.first < n; });
  if (it != entries_.end() && it->first == name) {
    it->second = std::move(value);
  } else {
    entries_.emplace(it, std::string(name), std::move(value));
  }
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const auto& e) { return e.first == name; });
}

const AttributeValue* Attributes::find(std::string_view name) const {
  const auto it = std::lower_bound(entries_.begin(), entries_.end(), name, [](const auto& e, std::string_view n) { return e.first < n; });
  return it != entries_.end() && it->first == name ? &it->second : nullptr;
}

namespace {

template <class T>
const T* get(const Attributes& attributes, std::string_view name) {
  const AttributeValue* value = attributes.find(name);
  return value == nullptr ? nullptr : std::get_if<T>(value);
}

template <class T, class F>
T value_or(const Attributes& attributes, std::string_view name, F&& fallback) {
  const T* value = get<T>(attributes, name);
  return value == nullptr ? T(std::forward<F>(fallback)) : *value;
}

}  // namespace

int64_t Attributes::get_int(std::string_view name, int64_t fallback) const { return value_or<int64_t>(*this, name, fallback); }
float Attributes::get_float(std::string_view name, float fallback) const { return value_or<float>(*this, name, fallback); }
std::string_view Attributes::get_string(std::string_view name, std::string_view fallback) const {
  const std::string* value = get<std::string>(*this, name);
  return value == nullptr ? fallback : std::string_view(*value);
}
std::vector<int64_t> Attributes::get_ints(std::string_view name, std::vector<int64_t> fallback) const {
  return value_or<std::vector<int64_t>>(*this, name, std::move(fallback));
}
std::vector<float> Attributes::get_floats(std::string_view name, std::vector<float> fallback) const {
  return value_or<std::vector<float>>(*this, name, std::move(fallback));
}
const Tensor* Attributes::get_tensor(std::string_view name) const { return get<Tensor>(*this, name); }

bool Attributes::equal(const Attributes& other) const {
  return std::equal(entries_.begin(), entries_.end(), other.entries_.begin(), other.entries_.end(),
                    [](const auto& a, const auto& b) { return a.first == b.first && attribute_equal(a.second, b.second); });
}

}  // namespace omni::graph
