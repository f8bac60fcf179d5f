// Text for JSON (RFC 8259) whatever bytes it holds.
#pragma once

#include <string>
#include <string_view>

namespace omni::core {

// In double quotes. Control characters, quotes and backslashes are escaped; bytes that are no UTF-8 become U+FFFD; "<" becomes \u003c, so that the
// result may stand in a script element of a page.
std::string json_quoted(std::string_view text);

// No overlong forms, surrogates or code points past U+10FFFF.
bool is_utf8(std::string_view text);

// The shortest decimal form that reads back as the same double; null for infinities and NaN, which JSON lacks.
std::string json_number(double value);

}  // namespace omni::core
