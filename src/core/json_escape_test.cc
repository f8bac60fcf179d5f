#include "core/json_escape.h"

#include <gtest/gtest.h>

#include <limits>

namespace omni::core {
namespace {

using namespace std::string_literals;

TEST(Json, Quoted) {
  EXPECT_EQ(json_quoted("plain"), "\"plain\"");
  EXPECT_EQ(json_quoted("a\"b\\c\n\t\x01\0"s + "\x7f"), "\"a\\\"b\\\\c\\n\\t\\u0001\\u0000\\u007f\"");
  EXPECT_EQ(json_quoted("</script>"), "\"\\u003c/script>\"");
  EXPECT_EQ(json_quoted("Grüße, 世界 🙂"), "\"Grüße, 世界 🙂\"");
}

TEST(Json, WhatIsNoUtf8IsReplaced) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(json_quoted("\xff"), "\"" + mark + "\"");
  EXPECT_EQ(json_quoted("\xc3"), "\"" + mark + "\"");
  EXPECT_EQ(json_quoted("\xc0\xaf"), "\"" + mark + mark + "\"");          // overlong
  EXPECT_EQ(json_quoted("\xed\xa0\x80"), "\"" + mark + mark + mark + "\"");  // a surrogate
  EXPECT_EQ(json_quoted("\xe4\xb8x"), "\"" + mark + mark + "x\"");
}

TEST(Json, Utf8IsToldFromOtherBytes) {
  for (const char* text : {"", "plain", "Grüße, 世界 🙂"}) EXPECT_TRUE(is_utf8(text)) << text;
  for (const char* text : {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xe4\xb8x"}) EXPECT_FALSE(is_utf8(text)) << text;
}

TEST(Json, Numbers) {
  EXPECT_EQ(json_number(0.1), "0.1");
  EXPECT_EQ(json_number(-3), "-3");
  EXPECT_EQ(json_number(1e300), "1e+300");
  EXPECT_EQ(json_number(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(json_number(-std::numeric_limits<double>::infinity()), "null");
}

}  // namespace
}  // namespace omni::core
