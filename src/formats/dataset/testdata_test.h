// For tests: the files of testdata/, and parsers fed with damaged bytes.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <fstream>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"

namespace omni::formats {

inline std::string testdata(const std::string& name) { return std::string(OMNI_SOURCE_DIR) + "/src/formats/dataset/testdata/" + name; }

inline std::vector<std::byte> testdata_bytes(const std::string& name) { return core::read_file(testdata(name), 1 << 20); }

inline ErrorCode code_of(const std::function<void()>& f, const std::string& part_of_message = "") {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(part_of_message), std::string::npos) << e.what();
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

// Every prefix and every byte changed in three ways must give a result or an Error.
inline void expect_robust(std::vector<std::byte> bytes, const std::function<void(std::span<const std::byte>)>& parse) {
  const auto attempt = [&](std::span<const std::byte> damaged) {
    try {
      parse(damaged);
    } catch (const Error&) {
    }
  };
  for (size_t n = 0; n <= bytes.size(); ++n) {
    const std::vector<std::byte> exact(bytes.begin(), bytes.begin() + static_cast<long>(n));  // a copy, so that a sanitizer sees its end
    attempt(exact);
  }
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const std::byte mask : {std::byte{0xff}, std::byte{0x80}, std::byte{1}}) {
      bytes[i] ^= mask;
      attempt(bytes);
      bytes[i] ^= mask;
    }
  }
}

}  // namespace omni::formats
