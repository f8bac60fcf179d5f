#include "core/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace omni::core {
namespace {

std::string hex(std::string_view text) { return sha256_hex(std::as_bytes(std::span(text))); }

// The examples of FIPS 180-2, appendix B, and the empty message.
TEST(Sha256, PublishedExamples) {
  EXPECT_EQ(hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(std::string(1000000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesOfAnySizeGiveTheSame) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += static_cast<char>(i * 7);
  for (size_t length : {size_t{55}, size_t{56}, size_t{63}, size_t{64}, size_t{65}, size_t{119}, size_t{120}, size_t{128}, text.size()}) {
    const std::string_view whole = std::string_view(text).substr(0, length);
    for (size_t piece = 1; piece < 130; piece += 9) {
      Sha256 hash;
      for (size_t at = 0; at < length; at += piece) hash.update(std::as_bytes(std::span(whole.substr(at, piece))));
      EXPECT_EQ(to_hex(hash.finish()), hex(whole)) << length << " in pieces of " << piece;
    }
  }
}

}  // namespace
}  // namespace omni::core
