#include "core/dtype.h"

#include <array>

namespace omni::core {

namespace {
constexpr std::array<std::string_view, kDTypeCount> kNames = {"f32", "f16", "bf16", "f64", "i8",  "u8",   "i16", "u16",
                                                              "i32", "u32", "i64",  "u64", "bool", "i4", "u4",  "str"};
}

std::string_view dtype_name(DType t) { return kNames[static_cast<size_t>(t)]; }

std::optional<DType> parse_dtype(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

}  // namespace omni::core
