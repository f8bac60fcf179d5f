// What a bound kernel gets: the one calling convention between a plan and the code that computes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/tensor.h"
#include "core/thread_pool.h"

namespace omni::core {

// Why a run failed. `text` is a string literal; `values` are what it talks about (an index, a size).
struct Status {
  const char* text = nullptr;
  int64_t values[2] = {};

  bool ok() const { return text == nullptr; }
};

// Where the chunks of one kernel report. Of several failures the one with the lowest work index stays, whatever the thread timing.
class StatusSlot {
 public:
  void clear() {
    status_ = {};
    work_ = INT64_MAX;
  }
  void fail(int64_t work, const char* text, int64_t a = 0, int64_t b = 0) noexcept {
    while (lock_.test_and_set(std::memory_order_acquire)) {
    }
    if (work < work_) {
      work_ = work;
      status_ = {text, {a, b}};
    }
    lock_.clear(std::memory_order_release);
  }
  const Status& status() const { return status_; }

 private:
  std::atomic_flag lock_ = ATOMIC_FLAG_INIT;
  int64_t work_ = INT64_MAX;
  Status status_;
};

struct KernelArgs {
  std::span<const ConstTensorView> inputs;  // an absent optional input has data == nullptr
  std::span<TensorView> outputs;            // shapes as planned; an unwanted optional output has data == nullptr
  const void* params = nullptr;             // what bind prepared
  std::byte* scratch = nullptr;             // as many bytes as bind asked for, aligned to 64
  ThreadPool* pool = nullptr;               // never null
  StatusSlot* status = nullptr;             // never null
};

// Does not throw and does not allocate; what can go wrong at run time goes into `status`.
using KernelFn = void (*)(const KernelArgs&) noexcept;

}  // namespace omni::core
