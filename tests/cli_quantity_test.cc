#include <gtest/gtest.h>

#include <cmath>

#include "omni/omni.h"
#include "output.h"
#include "quantity.h"

namespace omni::cli {

namespace {

TEST(Quantity, ReadsUnits) {
  EXPECT_DOUBLE_EQ(parse_seconds("20ms", "x"), 0.02);
  EXPECT_DOUBLE_EQ(parse_seconds("1.5s", "x"), 1.5);
  EXPECT_DOUBLE_EQ(parse_seconds("20m", "x"), 1200);
  EXPECT_DOUBLE_EQ(parse_seconds("2h", "x"), 7200);
  EXPECT_EQ(parse_bytes("64MB", "x"), 64'000'000);
  EXPECT_EQ(parse_bytes("64MiB", "x"), 64 << 20);
  EXPECT_DOUBLE_EQ(parse_share("1%", "x"), 0.01);
  EXPECT_EQ(parse_count("2k", "x"), 2000);
  EXPECT_EQ(parse_count("128", "x"), 128);
  EXPECT_EQ(parse_count("1.5M", "x"), 1'500'000);
  EXPECT_EQ(parse_integer("-7", "x"), -7);
  EXPECT_DOUBLE_EQ(parse_number("-1e-3", "x"), -1e-3);
}

TEST(Quantity, RefusesWhatCouldBeMistaken) {
  for (const char* text : {"20", "", "ms", "20 ms", "-1s", "1e400s", "infs", "nans", "20mss", "0x10s"})
    EXPECT_THROW(parse_seconds(text, "--t"), Error) << text;
  for (const char* text : {"64", "64M", "1.5B", "-1MB", "1e30TB"}) EXPECT_THROW(parse_bytes(text, "--t"), Error) << text;
  for (const char* text : {"1", "0.01", "-1%", "%"}) EXPECT_THROW(parse_share(text, "--t"), Error) << text;
  for (const char* text : {"1.5", "k", "2kk", "-2", "99999999999999999999"}) EXPECT_THROW(parse_count(text, "--t"), Error) << text;
  for (const char* text : {"1.0", "", "1k", "0x1", "99999999999999999999"}) EXPECT_THROW(parse_integer(text, "--t"), Error) << text;
  try {
    parse_seconds("20", "--time-budget");
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "--time-budget: \"20\" has no unit; write a time with its unit, such as 20ms, 1.5s or 20m");
  }
}

// What is printed is read back, to the three digits that are printed.
TEST(Quantity, PrintedIsReadBack) {
  for (double value = 1e-9; value < 1e6; value *= 1.37) {
    EXPECT_NEAR(parse_seconds(seconds_text(value), "x"), value, value * 0.006) << seconds_text(value);
  }
  for (double value = 1; value < 1e14; value *= 1.41) {
    EXPECT_NEAR(static_cast<double>(parse_bytes(bytes_text(std::floor(value)), "x")), std::floor(value), std::floor(value) * 0.006)
        << bytes_text(std::floor(value));
    EXPECT_NEAR(static_cast<double>(parse_count(count_text(std::floor(value)), "x")), std::floor(value), std::floor(value) * 0.006)
        << count_text(std::floor(value));
  }
  for (const double value : {0.0, 0.001, 0.5, 0.99987, 1.0}) EXPECT_NEAR(parse_share(share_text(value), "x"), value, 1e-4) << share_text(value);
}

TEST(Quantity, Prints) {
  EXPECT_EQ(seconds_text(0.0123), "12.3ms");
  EXPECT_EQ(seconds_text(0), "0s");
  EXPECT_EQ(seconds_text(0.9999), "1s");
  EXPECT_EQ(seconds_text(90), "90s");
  EXPECT_EQ(seconds_text(1200), "20m");
  EXPECT_EQ(bytes_text(1'724'000), "1.72MB");
  EXPECT_EQ(bytes_text(999), "999B");
  EXPECT_EQ(count_text(431080), "431k");
  EXPECT_EQ(count_text(99999), "99999");
  EXPECT_EQ(grouped_text(431080), "431,080");
  EXPECT_EQ(grouped_text(-1234567), "-1,234,567");
  EXPECT_EQ(grouped_text(999), "999");
  EXPECT_EQ(fixed_text(91.2, 2), "91.20");
  EXPECT_EQ(number_text(1234567.0, 3), "1234567");
}

TEST(Table, AlignsOnATerminal) {
  Table table({"name", "size>"});
  table.row({"a", "1"});
  table.row({"größer", "1000"});
  EXPECT_EQ(table.text(true), "name    size\na          1\ngrößer  1000\n");
  EXPECT_EQ(table.text(false), "name\tsize\na\t1\ngrößer\t1000\n");
}

TEST(Json, Text) {
  Json list = Json::array();
  list.push(1).push(2.5).push("a\"b").push(Json());
  Json object = Json::object();
  object.set("z", true).set("a", list).set("z", false);
  EXPECT_EQ(object.text(false), "{\"z\":false,\"a\":[1,2.5,\"a\\\"b\",null]}");
  EXPECT_EQ(Json(1.0 / 0.0).text(false), "null");
  EXPECT_EQ(Json("\xff").text(false), "\"\xef\xbf\xbd\"");
}

}  // namespace

}  // namespace omni::cli
