#include "core/crc32c.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace omni::core {
namespace {

uint32_t of(std::string_view text, uint32_t before = 0) { return crc32c(std::as_bytes(std::span(text)), before); }

// RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms.
TEST(Crc32c, PublishedExamples) {
  EXPECT_EQ(of(""), 0u);
  EXPECT_EQ(of("123456789"), 0xe3069283u);
  EXPECT_EQ(of(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(of(std::string(32, '\xff')), 0x62a8ab43u);
  std::string up;
  for (int i = 0; i < 32; ++i) up += static_cast<char>(i);
  EXPECT_EQ(of(up), 0x46dd794eu);
}

TEST(Crc32c, ContinuesWhereItStopped) {
  const std::string text = "every split of this sentence gives the same checksum";
  for (size_t i = 0; i <= text.size(); ++i) EXPECT_EQ(of(text.substr(i), of(text.substr(0, i))), of(text));
}

}  // namespace
}  // namespace omni::core
