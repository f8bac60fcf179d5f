#include "core/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/temporary_directory_test.h"

namespace omni::core {
namespace {

namespace fs = std::filesystem;

ErrorCode code_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kInternal;
}

size_t files_in(const std::string& directory) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST(AtomicFile, WritesWholeFile) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("out.bin");
  std::string expected;
  {
    AtomicFile file(path, Overwrite::kRefuse);
    for (int i = 0; i < 3000; ++i) {
      const std::string piece(static_cast<size_t>(i % 97), static_cast<char>(i));
      file.write(piece);
      expected += piece;
    }
    const std::string big(200000, 'x');
    file.write(big);
    expected += big;
    file.pad_to(64);
    while (expected.size() % 64 != 0) expected += '\0';
    EXPECT_EQ(file.written(), expected.size());
    EXPECT_FALSE(fs::exists(path));
    file.commit();
  }
  EXPECT_EQ(read_text_file(path, 1 << 20), expected);
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, WithoutCommitNothingChanges) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("out.bin");
  write_file_atomically(path, "old", Overwrite::kRefuse);
  {
    AtomicFile file(path, Overwrite::kReplace);
    file.write("new");
  }
  EXPECT_EQ(read_text_file(path, 100), "old");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, RefusesWhatExistsUnlessTold) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("out.bin");
  write_file_atomically(path, "old", Overwrite::kRefuse);
  try {
    AtomicFile file(path, Overwrite::kRefuse);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kExists);
    EXPECT_EQ(std::string(e.what()), path + ": the file exists; use --force to replace it");
  }
  write_file_atomically(path, "new", Overwrite::kReplace);
  EXPECT_EQ(read_text_file(path, 100), "new");
}

TEST(AtomicFile, RefusesWhatAppearedMeanwhile) {
  const TemporaryDirectory dir;
  const std::string path = dir.file("out.bin");
  {
    AtomicFile file(path, Overwrite::kRefuse);
    file.write("mine");
    write_file_atomically(path, "theirs", Overwrite::kRefuse);
    EXPECT_EQ(code_of([&] { file.commit(); }), ErrorCode::kExists);
  }
  EXPECT_EQ(read_text_file(path, 100), "theirs");
  EXPECT_EQ(files_in(dir.path()), 1u);
}

TEST(AtomicFile, FollowsLinksAndWritesDevices) {
  const TemporaryDirectory dir;
  write_file_atomically(dir.file("real"), "old", Overwrite::kRefuse);
  fs::create_symlink("real", dir.file("link"));
  write_file_atomically(dir.file("link"), "new", Overwrite::kReplace);
  EXPECT_TRUE(fs::is_symlink(dir.file("link")));
  EXPECT_EQ(read_text_file(dir.file("real"), 100), "new");
  write_file_atomically("/dev/null", "gone", Overwrite::kRefuse);
}

TEST(AtomicFile, SaysWhatIsWrong) {
  const TemporaryDirectory dir;
  EXPECT_EQ(code_of([&] { AtomicFile("", Overwrite::kRefuse); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { AtomicFile(dir.path(), Overwrite::kReplace); }), ErrorCode::kInvalidArgument);
  EXPECT_EQ(code_of([&] { AtomicFile(dir.file("no/such/file"), Overwrite::kRefuse); }), ErrorCode::kNotFound);
  EXPECT_EQ(code_of([&] { AtomicFile(dir.file(std::string(300, 'n')), Overwrite::kRefuse); }), ErrorCode::kInvalidArgument);
}

TEST(AtomicFile, ADiskThatIsFullIsAnErrorOfTheMachine) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full here";
  EXPECT_EQ(code_of([] { write_file_atomically("/dev/full", "text", Overwrite::kRefuse); }), ErrorCode::kMachine);
  const TemporaryDirectory dir;
  rlimit saved;
  ::getrlimit(RLIMIT_FSIZE, &saved);
  const rlimit small = {1 << 16, saved.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &small);
  const ErrorCode code = code_of([&] { write_file_atomically(dir.file("big"), std::string(1 << 20, 'x'), Overwrite::kRefuse); });
  ::setrlimit(RLIMIT_FSIZE, &saved);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(code, ErrorCode::kMachine);
  EXPECT_EQ(files_in(dir.path()), 0u);
}

}  // namespace
}  // namespace omni::core
