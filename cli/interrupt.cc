#include "interrupt.h"

#include <atomic>
#include <csignal>

#include "omni/error.h"

namespace omni::cli {

namespace {

std::atomic<bool> stop{false};
static_assert(std::atomic<bool>::is_always_lock_free, "it is written by a signal handler");

void on_signal(int) {
  stop.store(true, std::memory_order_relaxed);
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

void catch_interrupts() { std::signal(SIGINT, on_signal); }

bool interrupted() { return stop.load(std::memory_order_relaxed); }

void check_interrupted() {
  if (interrupted()) throw Error(ErrorCode::kInterrupted, "stopped");
}

}  // namespace omni::cli
