// What a model needs and we lack, collected so that it can be told all at once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/error.h"

namespace omni::formats {

using namespace core;

class UnsupportedReport {
 public:
  // `reason`: "" for an operator that is not known at all.
  void add(std::string_view domain, std::string_view op, int64_t version, std::string_view node, std::string_view reason = {});
  bool empty() const { return found_.empty(); }
  // `fix` ends the message. Call it when not empty().
  [[noreturn]] void raise(std::string_view where, std::string_view what, std::string_view fix) const;

 private:
  using Key = std::tuple<std::string, std::string, int64_t, std::string>;  // domain, operator, version, reason
  struct Found {
    int64_t count = 0;
    std::vector<std::string> nodes;  // the first few
  };
  std::map<Key, Found> found_;
};

}  // namespace omni::formats
