#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "core/error.h"
#include "core/system_error.h"

namespace omni::core {

namespace {

constexpr size_t kBufferBytes = 1 << 16;

std::string follow_links(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Error already_there(const std::string& path) {
  return Error(ErrorCode::kExists, "the file exists", path, "use --force to replace it");
}

// Not every file system can refuse atomically; there the target is looked for once more just before the rename.
void rename_new(const std::string& from, const std::string& to, const std::string& path) {
#if defined(RENAME_NOREPLACE)
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return;
  if (errno == EEXIST) throw already_there(path);
  if (errno != EINVAL && errno != ENOSYS) throw system_error("cannot rename the finished file", path);
#endif
  if (::access(to.c_str(), F_OK) == 0) throw already_there(path);
  if (std::rename(from.c_str(), to.c_str()) != 0) throw system_error("cannot rename the finished file", path);
}

void flush_directory(const std::string& directory, const std::string& path) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;  // a directory that may be written but not read cannot be flushed
  const bool failed = ::fsync(fd) != 0 && errno != EINVAL;
  const int why = errno;
  ::close(fd);
  errno = why;
  if (failed) throw system_error("cannot flush the directory", path);
}

}  // namespace

AtomicFile::AtomicFile(std::string path, Overwrite overwrite) : path_(std::move(path)), target_(follow_links(path_)), overwrite_(overwrite) {
  if (path_.empty()) throw Error(ErrorCode::kInvalidArgument, "an output file needs a name");
  struct stat info;
  if (::stat(target_.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) throw Error(ErrorCode::kInvalidArgument, "is a directory", path_, "name a file in it");
    if (!S_ISREG(info.st_mode)) {
      fd_ = ::open(target_.c_str(), O_WRONLY | O_CLOEXEC);
      if (fd_ < 0) throw system_error("cannot be written", path_);
      return;
    }
    if (overwrite_ == Overwrite::kRefuse) throw already_there(path_);
  }
  for (int attempt = 0; fd_ < 0; ++attempt) {
    temporary_ = target_ + ".tmp" + std::to_string(::getpid()) + "." + std::to_string(attempt);
    fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ < 0 && (errno != EEXIST || attempt == 1000)) {
      if (errno == ENOENT) throw Error(ErrorCode::kNotFound, "there is no directory " + quoted(directory_of(target_)), path_, "create it first");
      throw system_error("cannot be written", path_);
    }
  }
  buffer_.reserve(kBufferBytes);
}

AtomicFile::~AtomicFile() { close_and_remove(); }

void AtomicFile::close_and_remove() noexcept {
  if (fd_ < 0) return;
  ::close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

namespace {

void write_all(int fd, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      throw system_error("cannot be written", path);
    }
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

}  // namespace

void AtomicFile::flush() {
  write_all(fd_, buffer_, path_);
  buffer_.clear();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (fd_ < 0) throw Error(ErrorCode::kInternal, "written to after commit", path_);
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) {
    write_all(fd_, bytes, path_);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
  written_ += bytes.size();
}

void AtomicFile::pad_to(size_t alignment) {
  const size_t over = static_cast<size_t>(written_ % alignment);
  if (over == 0) return;
  const std::vector<std::byte> zeros(alignment - over);
  write(zeros);
}

void AtomicFile::commit() {
  if (fd_ < 0) throw Error(ErrorCode::kInternal, "committed twice", path_);
  flush();
  if (temporary_.empty()) {
    const int fd = std::exchange(fd_, -1);
    if (::close(fd) != 0) throw system_error("cannot be written", path_);
    return;
  }
  if (::fsync(fd_) != 0) throw system_error("cannot be flushed to the disk", path_);
  if (overwrite_ == Overwrite::kRefuse) {
    rename_new(temporary_, target_, path_);
  } else if (std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    throw system_error("cannot rename the finished file", path_);
  }
  ::close(fd_);
  fd_ = -1;
  flush_directory(directory_of(target_), path_);
}

void write_file_atomically(const std::string& path, std::span<const std::byte> bytes, Overwrite overwrite) {
  AtomicFile file(path, overwrite);
  file.write(bytes);
  file.commit();
}

void write_file_atomically(const std::string& path, std::string_view text, Overwrite overwrite) {
  write_file_atomically(path, std::as_bytes(std::span(text)), overwrite);
}

}  // namespace omni::core
