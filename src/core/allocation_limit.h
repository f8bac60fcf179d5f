// A limit on what one tensor may take, for as long as it lives and on this thread: whatever computes an output's size from numbers that a stranger
// sent gets an Error (kMachine) where it would take the machine. Limits nest; the smallest holds.
#pragma once

#include <cstddef>

namespace omni::core {

class AllocationLimit {
 public:
  explicit AllocationLimit(size_t bytes) : before_(most_) { most_ = bytes < most_ ? bytes : most_; }
  ~AllocationLimit() { most_ = before_; }
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;

  static size_t most() { return most_; }

 private:
  static thread_local constinit size_t most_;
  size_t before_;
};

}  // namespace omni::core
