// Tensors of strings: reading one element of a view, and numbers to and from text.
#pragma once

#include <cstring>
#include <string>
#include <string_view>

#include "ops/op_list.h"

namespace omni::ops {

inline std::string_view text_at(const ConstTensorView& t, int64_t i) {
  const auto* const offsets = static_cast<const uint32_t*>(t.data);
  return {reinterpret_cast<const char*>(offsets + t.count() + 1) + offsets[i], offsets[i + 1] - offsets[i]};
}

std::vector<std::string> texts_of(const Tensor& t);

// "0.1", "1e+10", "NaN", "INF", "-INF": as few digits as read back as the same number; the half types as their f32.
Tensor text_of_numbers(const Tensor& t);

// Numbers as C reads them: spaces before, a sign, "inf" and "nan" in any case, 0x; text behind the number is ignored. Element `i` that is none: a
// status.
void numbers_of_text(const KernelArgs& args) noexcept;

}  // namespace omni::ops
