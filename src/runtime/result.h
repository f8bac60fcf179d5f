// The outcome of a run: nothing, or an Error that names the node. Success carries no memory and costs no allocation.
#pragma once

#include <memory>
#include <string>

#include "core/kernel_args.h"
#include "omni/error.h"

namespace omni::runtime {

class [[nodiscard]] Result {
 public:
  Result() = default;
  // A failure; `status` is the kernel's where one reported it, `node` the name of its node.
  static Result failure(Error error, core::Status status = {}, std::string node = {}) noexcept;
  // Not even memory for a message was left.
  static Result out_of_memory() noexcept;

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  // Of failures.
  ErrorCode code() const;
  std::string message() const;  // "" when ok
  const core::Status& status() const { return status_; }
  std::string node() const { return detail_ ? detail_->node : std::string(); }
  // Throws the failure as an Error; nothing when ok.
  void check() const;

 private:
  struct Detail {
    Error error;
    std::string node;
  };
  bool failed_ = false;
  core::Status status_;
  std::shared_ptr<const Detail> detail_;
};

}  // namespace omni::runtime
