#include "device/profile.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/mapped_file.h"
#include "device/store.h"

namespace omni::device {
namespace {

const char kSmall[] =
    "format: 1\n"
    "name: board\n"
    "ram_mb: {value: 512, source: \"label\", confidence: published}\n"
    "cpu_cores: {value: 4, source: label, confidence: published}\n"
    "max_model_size_mb: {value: 64.5, source: guess, confidence: estimated}\n"
    "gpu: {value: none, source: label, confidence: published}\n"
    "isa: {value: neon, source: label, confidence: measured}\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(Profile, IsReadAsItStands) {
  const Profile p = parse_profile(kSmall, "board.yaml");
  EXPECT_EQ(p.name, "board");
  EXPECT_EQ(p.ram_mb, (Figure{512, "label", Confidence::kPublished}));
  EXPECT_EQ(p.max_model_size_mb, (Figure{64.5, "guess", Confidence::kEstimated}));
  EXPECT_EQ(p.isa, (Fact{"neon", "label", Confidence::kMeasured}));
  EXPECT_FALSE(p.has_gpu());
  EXPECT_EQ(p.instruction_set(), Isa::kNeon);
  EXPECT_EQ(p.cores(), 4);
  EXPECT_EQ(p.ram_bytes(), 512.0 * 1048576);
  EXPECT_FALSE(p.f32_gflops.has_value());
}

TEST(Profile, TextIsReadBackAsTheSame) {
  Profile p = parse_profile(kSmall, "board.yaml");
  p.description = "a \"board\": with # marks, {braces} and \xc3\xa4";
  p.cpu = Fact{"- 4 x \\ 1.5 GHz", "'quoted'", Confidence::kMeasured};
  p.kernels = {{{"windows", false, 1e8, 3e5, 12544, 64, 1e5, 2e6}, 2, 812.5}, {{"QMul", true, 0, 0, 0, 0, 0, 0}, 1, 0.25}};
  p.f32_gflops = Figure{0.1 + 0.2, "sum", Confidence::kMeasured};
  EXPECT_EQ(parse_profile(profile_text(p), "text"), p);
  for (const StoredProfile& shipped : shipped_profiles()) EXPECT_EQ(parse_profile(profile_text(shipped.profile), "text"), shipped.profile);
}

// Line, key, and what was expected.
TEST(Profile, WrongOnesAreRefusedWithLineAndKey) {
  struct Case {
    std::string text;
    std::string_view message;
  };
  const Case cases[] = {
      {"", "b.yaml: expected a profile: a mapping of keys to values, found nothing"},
      {"- 1\n", "b.yaml:1: expected a profile: a mapping of keys to values, found a list"},
      {"name: [", "b.yaml:1: no YAML: "},
      {"name: x\n\tformat: 1\n", "b.yaml:2: no YAML: "},
      {"name: board\n", "b.yaml:1: the key format is missing"},
      {replaced(kSmall, "format: 1", "format: 2"), "b.yaml:1: format is 2, this version reads 1"},
      {replaced(kSmall, "ram_mb: {", "ram_mbb: {"), "b.yaml:3: there is no key \"ram_mbb\" in a profile; did you mean ram_mb?"},
      {replaced(kSmall, "cpu_cores: {value: 4, source: label, confidence: published}\n", ""), "b.yaml:1: the key cpu_cores is missing"},
      {replaced(kSmall, "value: 512", "value: 512.5"), "b.yaml:3: ram_mb: expected a whole number from 1 to 67108864 MB, found 512.5"},
      {replaced(kSmall, "value: 512", "value: 0"), "b.yaml:3: ram_mb: expected a whole number from 1 to 67108864 MB, found 0"},
      {replaced(kSmall, "value: 512", "value: 512MB"), "b.yaml:3: ram_mb: expected a number, found \"512MB\""},
      {replaced(kSmall, "value: 512", "value: .inf"), "b.yaml:3: ram_mb: expected a number, found \".inf\""},
      {replaced(kSmall, "value: 512", "value: [5]"), "b.yaml:3: ram_mb: expected a number, found a list"},
      {replaced(kSmall, "ram_mb: {value: 512, source: \"label\", confidence: published}", "ram_mb: 512"),
       "b.yaml:3: expected ram_mb: a mapping of keys to values, found \"512\""},
      {replaced(kSmall, "source: \"label\"", "sauce: \"label\""),
       "b.yaml:3: there is no key \"sauce\" in ram_mb; it takes value, source, confidence"},
      {replaced(kSmall, "source: \"label\", ", ""), "b.yaml:3: the key source is missing"},
      {replaced(kSmall, "source: \"label\"", "source: \"\""), "b.yaml:3: source: expected one line of 1 to 300 bytes of UTF-8, found \"\""},
      {replaced(kSmall, "source: \"label\"", "source: \"\xff\""), "b.yaml:3: source: expected one line of 1 to 300 bytes of UTF-8, found \"\\xff\""},
      {replaced(kSmall, "confidence: estimated", "confidence: estimate"),
       "b.yaml:5: confidence: expected measured, published or estimated, found \"estimate\"; did you mean estimated?"},
      {replaced(kSmall, "value: neon", "value: neom"), "b.yaml:7: isa: there is no instruction set \"neom\"; did you mean neon?"},
      {replaced(kSmall, "name: board", "name: My Board"), "b.yaml:2: name: expected small letters, digits and _, at most 64, found \"My Board\""},
      {std::string(kSmall) + "kernels: 3\n", "b.yaml:8: kernels: expected a list, found \"3\""},
      {std::string(kSmall) + "kernels:\n  - {kind: windows}\n", "b.yaml:9: the key type is missing"},
      {std::string(kSmall) + "kernels:\n  - {kind: windows, type: f16}\n", "b.yaml:9: type: expected f32 or int8, found \"f16\""},
      {std::string(kSmall) + "kernels:\n  - {kind: windows, type: f32, threads: 0}\n",
       "b.yaml:9: threads: expected a whole number from 1 to 1024, found 0"},
      {std::string(kSmall) + "kernels:\n  - {kind: windows, type: f32, threads: 1, operations: -1}\n",
       "b.yaml:9: operations: expected a number from 0 to 1e18, found -1"},
      {std::string(kSmall) + "name: again\n", "b.yaml:8: the key name is there twice"},
      {std::string(kSmall) + "? [a]\n: 1\n", "a key is not a word"},
  };
  for (const Case& c : cases) {
    try {
      parse_profile(c.text, "b.yaml");
      ADD_FAILURE() << "not refused: " << c.message;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidData);
      EXPECT_NE(std::string(error.what()).find(c.message), std::string::npos) << error.what() << "\nexpected: " << c.message;
    }
  }
}

TEST(Profile, DocumentationNamesEveryKey) {
  const std::string page = read_text_file(OMNI_SOURCE_DIR "/docs/devices.md", 1 << 20);
  for (const NumberKey& key : number_keys()) EXPECT_NE(page.find("`" + std::string(key.key) + "`"), std::string::npos) << key.key;
  for (const WordKey& key : word_keys()) EXPECT_NE(page.find("`" + std::string(key.key) + "`"), std::string::npos) << key.key;
}

}  // namespace
}  // namespace omni::device
