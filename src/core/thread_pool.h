// A pool of threads that sleeps when idle.
//
// Work is a number of tasks cut by shape alone, never by the number of threads, so that any thread count gives the same bytes.
// A task must not depend on which thread runs it or on the order. parallel_for neither allocates nor throws.
// One caller at a time uses the workers; a second one that comes meanwhile (or a task that calls parallel_for) runs its tasks itself.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace omni::core {

class ThreadPool {
 public:
  // `threads` counts the caller: 1 starts no thread. 0 means one per physical core.
  explicit ThreadPool(int threads = 1);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const;

  // Calls f(task) for every task in [0, tasks) and returns when all are done. Every thread, the caller too, has the default
  // floating-point environment meanwhile (round to nearest, denormals kept).
  template <class F>
  void parallel_for(int64_t tasks, F&& f) noexcept {
    using Fn = std::remove_reference_t<F>;
    run(tasks, [](void* context, int64_t task) { (*static_cast<Fn*>(context))(task); }, const_cast<void*>(static_cast<const void*>(&f)));
  }

 private:
  using TaskFn = void (*)(void* context, int64_t task);
  void run(int64_t tasks, TaskFn fn, void* context) noexcept;

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Physical cores this process may run on, at least 1.
int physical_cores();

}  // namespace omni::core
