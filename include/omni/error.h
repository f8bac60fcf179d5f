// The one exception of the library. A message says what is wrong, where, and what to do.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace omni {

enum class ErrorCode {
  kInvalidArgument,  // wrong use: an option, a shape, a name
  kInvalidData,      // a file that is not what it says it is
  kUnsupported,      // legal, but this version cannot do it
  kNotFound,         // a file, a tensor, a profile
  kExists,           // an output that would be overwritten
  kMachine,          // the machine lacks something: a library, disk, permission, memory
  kInterrupted,      // stopped by the user
  kInternal,         // a bug of ours
};

// Snake-case name of the code, as `--json` prints it.
std::string_view error_code_name(ErrorCode code);

// what() is "where: summary; fix" with empty parts left out.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, std::string summary, std::string where = {}, std::string fix = {});

  ErrorCode code() const { return code_; }
  const std::string& summary() const { return summary_; }
  const std::string& where() const { return where_; }
  const std::string& fix() const { return fix_; }

  // The same error with `where` put before what is there already ("model.onnx, node \"Conv_7\"").
  Error within(std::string_view outer) const;

 private:
  ErrorCode code_;
  std::string summary_, where_, fix_;
};

}  // namespace omni

#pragma GCC visibility pop
