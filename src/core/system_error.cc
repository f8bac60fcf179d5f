#include "core/system_error.h"

#include <cerrno>
#include <cstring>

namespace omni::core {

namespace {

struct Advice {
  ErrorCode code;
  const char* fix;
};

Advice advice(int error) {
  switch (error) {
    case ENOENT: return {ErrorCode::kNotFound, "check the path"};
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG: return {ErrorCode::kInvalidArgument, "check the path"};
    case EACCES:
    case EPERM: return {ErrorCode::kMachine, "check the permissions of the file and its directory"};
    case ENOSPC:
    case EDQUOT: return {ErrorCode::kMachine, "free some space or choose another disk"};
    case EROFS: return {ErrorCode::kMachine, "choose another directory"};
    default: return {ErrorCode::kMachine, ""};
  }
}

// The two shapes of strerror_r: POSIX fills the buffer, GNU may return another.
[[maybe_unused]] const char* text_of(int, const char* buffer) { return buffer; }
[[maybe_unused]] const char* text_of(const char* text, const char*) { return text; }

}  // namespace

Error system_error(std::string_view what, const std::string& path) {
  const int error = errno;
  char buffer[128] = "";
  std::string reason = text_of(::strerror_r(error, buffer, sizeof buffer), buffer);
  if (!reason.empty() && reason[0] >= 'A' && reason[0] <= 'Z') reason[0] = static_cast<char>(reason[0] - 'A' + 'a');
  const Advice a = advice(error);
  return Error(a.code, std::string(what) + ": " + reason, path, a.fix);
}

}  // namespace omni::core
