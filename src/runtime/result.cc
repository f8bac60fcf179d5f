#include "runtime/result.h"

namespace omni::runtime {

Result Result::failure(Error error, core::Status status, std::string node) noexcept {
  Result result;
  result.failed_ = true;
  result.status_ = status;
  try {
    result.detail_ = std::make_shared<const Detail>(Detail{std::move(error), std::move(node)});
  } catch (...) {  // the flag alone must do
  }
  return result;
}

Result Result::out_of_memory() noexcept {
  Result result;
  result.failed_ = true;
  return result;
}

ErrorCode Result::code() const { return detail_ ? detail_->error.code() : ErrorCode::kMachine; }

std::string Result::message() const {
  if (ok()) return {};
  return detail_ ? detail_->error.what() : "not enough memory";
}

void Result::check() const {
  if (ok()) return;
  if (detail_) throw detail_->error;
  throw Error(ErrorCode::kMachine, "not enough memory");
}

}  // namespace omni::runtime
