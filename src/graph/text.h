// What the printer and the parser of the text form share.
#pragma once

#include <string>
#include <string_view>

#include "core/tensor.h"

namespace omni::graph {

// A string literal of the text form: control characters, quotes and backslashes escaped.
std::string quote(std::string_view text);
// Letters, digits, '_' and '.' only: needs no quotes.
bool is_plain_name(std::string_view name);
// The name a large tensor has in the text form.
std::string tensor_hash(const core::Tensor& tensor);

}  // namespace omni::graph
