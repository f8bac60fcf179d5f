#include "core/mapped_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/temporary_directory_test.h"

namespace omni::core {
namespace {

using namespace std::string_literals;

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

TEST(MappedFile, PagesThatWereLetGoAreReadAgain) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("in"), text(50000, 'q');
  write_file_atomically(path, text, Overwrite::kRefuse);
  const MappedFile file = map_file(path);
  EXPECT_TRUE(file.mapped);
  for (const size_t count : {size_t{0}, size_t{5000}, size_t{1000000}}) {
    file.release(count);
    EXPECT_EQ(std::memcmp(file.bytes.data(), text.data(), text.size()), 0);
  }
}

TEST(MappedFile, BytesOutliveTheFile) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("in");
  const std::string text = "bytes\0and more"s + std::string(10000, 'z');
  write_file_atomically(path, text, Overwrite::kRefuse);
  std::shared_ptr<const void> keeper;
  std::span<const std::byte> bytes;
  {
    const MappedFile file = map_file(path);
    keeper = file.keeper;
    bytes = file.bytes;
  }
  std::filesystem::remove(path);
  ASSERT_EQ(bytes.size(), text.size());
  EXPECT_EQ(std::memcmp(bytes.data(), text.data(), text.size()), 0);
}

TEST(MappedFile, FilesWithoutASize) {
  EXPECT_GT(map_file("/proc/self/status").bytes.size(), 100u);
  EXPECT_GT(read_text_file("/proc/self/status", 1 << 20).size(), 100u);
}

TEST(MappedFile, SaysWhatIsWrong) {
  const TemporaryDirectory dir;
  EXPECT_EQ(code_of([&] { map_file(dir.file("none")); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { map_file(dir.path()); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { map_file(""); }), ErrorCode::kInvalidArgument);
  write_file_atomically(dir.file("empty"), "", Overwrite::kRefuse);
  EXPECT_EQ(code_of([&] { map_file(dir.file("empty")); }), ErrorCode::kInvalidData);
  EXPECT_TRUE(read_file(dir.file("empty"), 0).empty());
  write_file_atomically(dir.file("ten"), "0123456789", Overwrite::kRefuse);
  EXPECT_EQ(read_text_file(dir.file("ten"), 10), "0123456789");
  EXPECT_EQ(code_of([&] { read_file(dir.file("ten"), 9); }), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of([&] { read_file("/dev/zero", 100000); }), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace omni::core
