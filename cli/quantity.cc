#include "quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <span>

#include "omni/omni.h"

namespace omni::cli {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kTimes[] = {{"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}};
constexpr Unit kSizes[] = {{"B", 1},     {"kB", 1e3},     {"KB", 1e3},        {"MB", 1e6},           {"GB", 1e9},
                           {"TB", 1e12}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}, {"TiB", 1099511627776.0}};
constexpr Unit kShares[] = {{"%", 0.01}};
constexpr Unit kCounts[] = {{"", 1}, {"k", 1e3}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}};

[[noreturn]] void refuse(std::string_view text, std::string_view what, std::string summary, std::string fix) {
  throw Error(ErrorCode::kInvalidArgument, printable(text) + " " + summary, std::string(what), std::move(fix));
}

struct Number {
  double value;
  std::string_view rest;
};

Number leading_number(std::string_view text, std::string_view what, const std::string& fix) {
  Number number{0, text};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number.value);
  if (error == std::errc::result_out_of_range) refuse(text, what, "is out of range", fix);
  if (error != std::errc{} || !std::isfinite(number.value)) refuse(text, what, "is not a number", fix);
  number.rest = text.substr(static_cast<size_t>(end - text.data()));
  return number;
}

double parse_with(std::span<const Unit> units, std::string_view text, std::string_view what, const std::string& fix) {
  const Number number = leading_number(text, what, fix);
  if (number.value < 0) refuse(text, what, "is negative", fix);
  for (const Unit& unit : units) {
    if (number.rest == unit.name) return number.value * unit.factor;
  }
  if (number.rest.empty()) refuse(text, what, "has no unit", fix);
  refuse(text, what, "has an unknown unit", fix);
}

int64_t whole(double value, std::string_view text, std::string_view what) {
  const double rounded = std::round(value);
  if (rounded > 9.0e18) refuse(text, what, "is out of range", {});
  if (std::abs(value - rounded) > 1e-6 * std::max(1.0, std::abs(value))) refuse(text, what, "is not a whole number", {});
  return static_cast<int64_t>(rounded);
}

std::string with_unit(double value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    // 999.6 of a unit would print as 1000 of it.
    if (value >= 0.9995 * unit.factor) best = &unit;
  }
  return number_text(value / best->factor, 3) + std::string(best->name);
}

}  // namespace

double parse_seconds(std::string_view text, std::string_view what) {
  return parse_with(kTimes, text, what, "write a time with its unit, such as 20ms, 1.5s or 20m");
}

int64_t parse_bytes(std::string_view text, std::string_view what) {
  return whole(parse_with(kSizes, text, what, "write a size with its unit, such as 64MB or 64MiB"), text, what);
}

double parse_share(std::string_view text, std::string_view what) { return parse_with(kShares, text, what, "write a share in percent, such as 1%"); }

int64_t parse_count(std::string_view text, std::string_view what) {
  return whole(parse_with(kCounts, text, what, "write a count such as 128, 2k or 1M"), text, what);
}

double parse_number(std::string_view text, std::string_view what) {
  const Number number = leading_number(text, what, "write a number such as 0.9 or 1e-3");
  if (!number.rest.empty()) refuse(text, what, "is not a number", "write a number such as 0.9 or 1e-3");
  return number.value;
}

int64_t parse_integer(std::string_view text, std::string_view what) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) refuse(text, what, "is out of range", {});
  if (error != std::errc{} || end != text.data() + text.size()) refuse(text, what, "is not a whole number", {});
  return value;
}

std::string number_text(double value, int digits) {
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*g", digits, value);
  // %g turns to exponents as soon as the digits end left of the point; people read 1234, not 1.23e+03.
  if (std::abs(value) >= 1 && std::abs(value) < 1e15 && std::string_view(buffer.data()).find('e') != std::string_view::npos) {
    std::snprintf(buffer.data(), buffer.size(), "%.0f", value);
  }
  return buffer.data();
}

std::string fixed_text(double value, int digits) {
  std::array<char, 400> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.*f", digits, value);
  return buffer.data();
}

std::string seconds_text(double seconds) {
  if (!std::isfinite(seconds)) return number_text(seconds);
  if (seconds == 0) return "0s";
  if (seconds >= 7200) return number_text(seconds / 3600, 3) + "h";
  if (seconds >= 120) return number_text(seconds / 60, 3) + "m";
  return with_unit(seconds, std::span(kTimes).first(4));
}

std::string bytes_text(double bytes) {
  constexpr Unit kPrinted[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
  return with_unit(bytes, kPrinted);
}

std::string share_text(double share) { return number_text(share * 100, 4) + "%"; }

std::string count_text(double count) {
  if (std::abs(count) < 100000) return number_text(count, 6);
  constexpr Unit kPrinted[] = {{"k", 1e3}, {"M", 1e6}, {"G", 1e9}};
  return with_unit(count, kPrinted);
}

std::string grouped_text(int64_t value) {
  std::string text = std::to_string(value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t i = text.size(); i > first + 3;) {
    i -= 3;
    text.insert(i, 1, ',');
  }
  return text;
}

}  // namespace omni::cli
