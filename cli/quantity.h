// Quantities as people write and read them: 20ms, 1.5s, 64MB, 1%, 2k. What is printed here is read back here.
//
// A bare number is refused where a unit could be mistaken (times, sizes, shares); counts are bare or with k, M, G (powers of 1000).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace omni::cli {

// `what` is the option's name, for the message. All throw Error (kInvalidArgument) for anything else than a finite, non-negative quantity.
double parse_seconds(std::string_view text, std::string_view what);   // ns us ms s m h
int64_t parse_bytes(std::string_view text, std::string_view what);    // B, kB MB GB TB (powers of 1000), KiB MiB GiB TiB (powers of 1024)
double parse_share(std::string_view text, std::string_view what);     // "1%" is 0.01
int64_t parse_count(std::string_view text, std::string_view what);    // 128, 2k, 1.5M
double parse_number(std::string_view text, std::string_view what);    // 0.9, -1, 1e-3: a pure number, which may be negative
int64_t parse_integer(std::string_view text, std::string_view what);  // may be negative

// Three significant digits: "12.3ms", "1.72MB", "98.7%", "431k"; counts below 100,000 and bytes below 1,000 exactly.
std::string seconds_text(double seconds);
std::string bytes_text(double bytes);
std::string share_text(double share);
std::string count_text(double count);
// `digits` significant digits, without trailing zeros: "0.0123", "1.5", "2e-07".
std::string number_text(double value, int digits = 4);
// `digits` behind the point: "91.20".
std::string fixed_text(double value, int digits);
// With commas: "431,080".
std::string grouped_text(int64_t value);

}  // namespace omni::cli
