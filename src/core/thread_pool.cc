#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>
#if defined(__linux__)
#include <sched.h>

#include <cstdio>
#include <set>
#include <utility>
#endif

#include "core/fp_environment.h"

namespace omni::core {

namespace {

void pause_cpu() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Long enough to bridge the gap between two nodes of a plan, short enough not to burn an idle core.
constexpr auto kSpin = std::chrono::microseconds(50);

thread_local bool inside_task = false;

}  // namespace

struct ThreadPool::Impl {
  std::mutex caller;  // held by the one caller that uses the workers
  std::mutex mutex;   // guards open, fn, context, tasks, inside, sleeping, stop
  std::condition_variable wake;
  bool open = false, stop = false;
  int sleeping = 0;
  TaskFn fn = nullptr;
  void* context = nullptr;
  int64_t tasks = 0;
  std::atomic<uint64_t> generation{0};
  std::atomic<int64_t> next{0};
  std::atomic<int> inside{0};
  std::vector<std::thread> workers;

  void work(TaskFn f, void* c, int64_t n) {
    inside_task = true;
    for (int64_t i = next.fetch_add(1, std::memory_order_relaxed); i < n; i = next.fetch_add(1, std::memory_order_relaxed)) f(c, i);
    inside_task = false;
  }

  void loop() {
    const DefaultFpEnvironment environment;
    uint64_t seen = 0;
    for (;;) {
      const auto until = std::chrono::steady_clock::now() + kSpin;
      while (generation.load(std::memory_order_acquire) == seen && std::chrono::steady_clock::now() < until) {
        for (int i = 0; i < 32; ++i) pause_cpu();
      }
      std::unique_lock lock(mutex);
      ++sleeping;
      wake.wait(lock, [&] { return stop || generation.load(std::memory_order_relaxed) != seen; });
      --sleeping;
      if (stop) return;
      seen = generation.load(std::memory_order_relaxed);
      if (!open) continue;
      inside.fetch_add(1, std::memory_order_relaxed);
      const TaskFn f = fn;
      void* const c = context;
      const int64_t n = tasks;
      lock.unlock();
      work(f, c, n);
      inside.fetch_sub(1, std::memory_order_release);
    }
  }
};

ThreadPool::ThreadPool(int threads) : impl_(std::make_unique<Impl>()) {
  if (threads <= 0) threads = physical_cores();
  for (int i = 1; i < threads; ++i) {
    impl_->workers.emplace_back([impl = impl_.get()] { impl->loop(); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->wake.notify_all();
  for (std::thread& worker : impl_->workers) worker.join();
}

int ThreadPool::threads() const { return static_cast<int>(impl_->workers.size()) + 1; }

void ThreadPool::run(int64_t tasks, TaskFn fn, void* context) noexcept {
  if (tasks <= 0) return;
  const DefaultFpEnvironment environment;
  Impl& p = *impl_;
  const bool alone = tasks == 1 || p.workers.empty() || inside_task || !p.caller.try_lock();
  if (alone) {
    for (int64_t i = 0; i < tasks; ++i) fn(context, i);
    return;
  }
  bool asleep;
  {
    const std::lock_guard lock(p.mutex);
    p.fn = fn;
    p.context = context;
    p.tasks = tasks;
    p.next.store(0, std::memory_order_relaxed);
    p.open = true;
    p.generation.fetch_add(1, std::memory_order_release);
    asleep = p.sleeping > 0;
  }
  if (asleep) p.wake.notify_all();
  p.work(fn, context, tasks);
  {
    const std::lock_guard lock(p.mutex);
    p.open = false;
  }
  while (p.inside.load(std::memory_order_acquire) != 0) pause_cpu();
  p.caller.unlock();
}

int physical_cores() {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    std::set<std::pair<int, int>> cores;  // package, core: hyper-threads share one
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &allowed)) continue;
      int ids[2] = {0, cpu};
      const char* const names[2] = {"physical_package_id", "core_id"};
      for (int i = 0; i < 2; ++i) {
        char path[96];
        std::snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu, names[i]);
        if (std::FILE* file = std::fopen(path, "r")) {
          if (std::fscanf(file, "%d", &ids[i]) != 1) ids[i] = i == 0 ? 0 : cpu;
          std::fclose(file);
        }
      }
      cores.emplace(ids[0], ids[1]);
    }
    if (!cores.empty()) return static_cast<int>(cores.size());
  }
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace omni::core
