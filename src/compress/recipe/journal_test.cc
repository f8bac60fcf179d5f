// What a journal keeps, whatever happens to its file.
#include "compress/recipe/journal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_directory_test.h"

namespace omni::compress {
namespace {

JournalRecord record(const std::string& key, double number) {
  return {key, {{"n", int64_t{-3}}, {"x", number}, {"text", std::string("a b=c%d\n\xff") + '\0' + "é"}, {"none", std::string()}}};
}

TEST(Journal, KeepsRecordsToTheBit) {
  const core::TemporaryDirectory folder;
  const double numbers[] = {0.1, -1e-320, 1e308, 3};
  {
    Journal journal(folder.file("journal"));
    EXPECT_TRUE(journal.empty());
    for (const double x : numbers) journal.put(record("key/" + std::to_string(x), x));
    journal.put(record("key/twice", 1));
    journal.put(record("key/twice", 2));
  }
  Journal journal(folder.file("journal"));
  for (const double x : numbers) EXPECT_EQ(*journal.find("key/" + std::to_string(x)), record("key/" + std::to_string(x), x));
  EXPECT_EQ(journal.find("key/twice")->number("x"), 2);
  EXPECT_EQ(journal.find("other"), nullptr);
  EXPECT_THROW(journal.find("key/twice")->integer("x"), Error);
  EXPECT_THROW(journal.find("key/twice")->text("y"), Error);
  EXPECT_FALSE(journal.find("key/twice")->maybe_number("y").has_value());
}

TEST(Journal, DropsWhatWasCutShortAndGoesOn) {
  const core::TemporaryDirectory folder;
  const std::string path = folder.file("journal"), last = record_line(record("last", 2));
  {
    Journal journal(path);
    journal.put(record("first", 1));
    journal.put(record("last", 2));
  }
  const std::string whole = core::read_text_file(path, 1 << 20);
  for (size_t cut = 1; cut <= last.size(); ++cut) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, whole.size() - cut);
    {
      Journal journal(path);
      EXPECT_NE(journal.find("first"), nullptr);
      EXPECT_EQ(journal.find("last"), nullptr) << cut;
      journal.put(record("next", 3));
    }
    EXPECT_EQ(core::read_text_file(path, 1 << 20), whole.substr(0, whole.size() - last.size()) + record_line(record("next", 3)));
  }
}

TEST(Journal, RefusesChangedBytes) {
  const std::string line = record_line(record("key", 0.5));
  ASSERT_EQ(parse_record(line), record("key", 0.5));
  for (size_t i = 0; i < line.size(); ++i) {
    std::string changed = line;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(parse_record(changed).has_value()) << i;
  }
  for (const char* text : {"", "\n", "00000000 \n", "00000000 key\n"}) EXPECT_FALSE(parse_record(text).has_value()) << text;
}

TEST(Journal, BelongsToOneAtATime) {
  const core::TemporaryDirectory folder;
  Journal journal(folder.file("journal"));
  try {
    Journal second(folder.file("journal"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kExists);
  }
}

}  // namespace
}  // namespace omni::compress
