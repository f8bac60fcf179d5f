#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace omni::core {
namespace {

TEST(ThreadPool, EveryTaskRunsOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t tasks : {0, 1, 2, 7, 1000}) {
      std::vector<int> hits(static_cast<size_t>(tasks), 0);
      pool.parallel_for(tasks, [&](int64_t i) { ++hits[static_cast<size_t>(i)]; });
      for (const int h : hits) EXPECT_EQ(h, 1);
    }
  }
}

TEST(ThreadPool, NestedAndConcurrentCallersFinish) {
  ThreadPool pool(3);
  std::atomic<int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 200; ++repeat) {
        pool.parallel_for(8, [&](int64_t) { pool.parallel_for(4, [&](int64_t j) { sum.fetch_add(j); }); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), int64_t{4} * 200 * 8 * 6);
}

TEST(ThreadPool, ManyShortJobsAfterSleep) {
  ThreadPool pool(4);
  int64_t total = 0;
  for (int i = 0; i < 2000; ++i) {
    std::atomic<int> count{0};
    pool.parallel_for(5, [&](int64_t) { count.fetch_add(1); });
    total += count.load();
    if (i % 500 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(total, 10000);
}

}  // namespace
}  // namespace omni::core
