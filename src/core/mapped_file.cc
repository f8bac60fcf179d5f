#include "core/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

#include "core/error.h"
#include "core/system_error.h"

namespace omni::core {

namespace {

class InputFile {
 public:
  explicit InputFile(const std::string& path) : path_(path) {
    if (path.empty()) throw Error(ErrorCode::kInvalidArgument, "an input file needs a name");
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw system_error("cannot be read", path);
    if (::fstat(fd_, &info_) != 0) {
      const Error error = system_error("cannot be read", path);
      ::close(fd_);
      throw error;
    }
    if (S_ISDIR(info_.st_mode)) {
      ::close(fd_);
      throw Error(ErrorCode::kInvalidArgument, "is a directory", path, "name a file in it");
    }
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  int fd() const { return fd_; }
  size_t stated_size() const { return S_ISREG(info_.st_mode) ? static_cast<size_t>(info_.st_size) : 0; }

  // To the end, whatever size the system stated. Container: vector of bytes or string.
  template <class Container>
  Container read_all(size_t max_bytes) const {
    const auto too_large = [&] {
      return Error(ErrorCode::kUnsupported, "the file is larger than " + std::to_string(max_bytes) + " bytes", path_, "check that it is the right file");
    };
    if (stated_size() > max_bytes) throw too_large();
    Container out(stated_size(), {});
    size_t used = 0;
    for (;;) {
      if (used == out.size()) out.resize(out.size() + (used == stated_size() ? 1 : 1 << 16));  // one more byte tells the end of a regular file
      const ssize_t n = ::read(fd_, out.data() + used, out.size() - used);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) throw system_error("cannot be read", path_);
      if (n == 0) break;
      used += static_cast<size_t>(n);
      if (used > max_bytes) throw too_large();
    }
    out.resize(used);
    return out;
  }

 private:
  std::string path_;
  int fd_ = -1;
  struct stat info_ = {};
};

struct Mapping {
  Mapping(void* a, size_t n) : address(a), size(n) {}
  ~Mapping() { ::munmap(address, size); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  void* address;
  size_t size;
};

}  // namespace

void MappedFile::release(size_t count) const {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t whole = std::min(count, bytes.size()) / page * page;
  if (mapped && whole > 0) ::madvise(const_cast<std::byte*>(bytes.data()), whole, MADV_DONTNEED);
}

MappedFile map_file(const std::string& path) {
  const InputFile file(path);
  const size_t size = file.stated_size();
  if (size > 0) {
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.fd(), 0);
    if (address != MAP_FAILED) {
      auto mapping = std::make_shared<Mapping>(address, size);
      return {{static_cast<const std::byte*>(address), size}, std::move(mapping), true};
    }
    if (errno != ENODEV && errno != EACCES) throw system_error("cannot be mapped into memory", path);
  }
  auto copy = std::make_shared<std::vector<std::byte>>(file.read_all<std::vector<std::byte>>(std::numeric_limits<size_t>::max()));
  if (copy->empty()) throw Error(ErrorCode::kInvalidData, "the file is empty", path);
  const std::span<const std::byte> bytes = *copy;
  return {bytes, std::move(copy)};
}

std::vector<std::byte> read_file(const std::string& path, size_t max_bytes) {
  return InputFile(path).read_all<std::vector<std::byte>>(max_bytes);
}

std::string read_text_file(const std::string& path, size_t max_bytes) { return InputFile(path).read_all<std::string>(max_bytes); }

}  // namespace omni::core
