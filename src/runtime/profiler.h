// Where the time of a session's runs went: per node, per operator, and as a trace for chrome://tracing or Perfetto.
//
// Recording allocates nothing: a session registers the steps of a plan when it plans, and adds times to them while it runs. Of the newest run every
// step's begin and end stay, for the trace.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/isa.h"

namespace omni::runtime {

// What the cores could do at best, in 1e9 operations per second; 0: not known.
struct Peak {
  double f32 = 0, int8 = 0;
};
// Measured on registers alone with one thread, times `threads` (at most the physical cores): takes a few milliseconds.
Peak measure_peak(core::Isa isa, int threads);

struct StepProfile {
  std::string node;        // its name, or its first output's where it has none
  std::string op;          // "Conv"
  std::string shapes;      // "f32[1,20,24,24]" of the first output
  uint32_t id = UINT32_MAX;  // in the graph that the session runs; UINT32_MAX: in a body
  int64_t operations = 0;  // of one call
  int64_t bytes = 0;
  bool integer = false;  // computes on 8-bit integers
  int64_t calls = 0;
  double seconds = 0;         // of all calls
  double begin = 0, end = 0;  // of the newest call, seconds since the profiler's start
};

struct ProfileRow {
  std::string name, op, shapes;
  int64_t nodes = 1;
  int64_t calls = 0;
  double seconds = 0;
  double share = 0;   // of the time in all steps
  double gflops = 0;  // operations per second / 1e9
  double gigabytes_per_second = 0;
  double share_of_peak = 0;  // gflops over the peak of its arithmetic; 0 where that is not known
};

class Profiler {
 public:
  Profiler();

  // Registers the steps of a plan; returns the index of the first.
  size_t add_steps(std::vector<StepProfile> steps);
  double now() const noexcept;
  void record(size_t step, double begin, double end) noexcept {
    StepProfile& s = steps_[step];
    ++s.calls;
    s.seconds += end - begin;
    s.begin = begin;
    s.end = end;
  }
  void add_run(double seconds) noexcept {
    ++runs_;
    run_seconds_ += seconds;
  }
  // Forgets the times, keeps the steps.
  void reset() noexcept;

  const std::vector<StepProfile>& steps() const { return steps_; }
  int64_t runs() const { return runs_; }
  double run_seconds() const { return run_seconds_; }

  // One row a step that ran, in plan order.
  std::vector<ProfileRow> by_node(const Peak& peak = {}) const;
  // One row an operator, the slowest first.
  std::vector<ProfileRow> by_operator(const Peak& peak = {}) const;
  // Trace Event Format (JSON): one complete event a step of the newest run, and its shapes, GFLOP/s and bytes as arguments.
  std::string chrome_trace() const;

 private:
  std::vector<StepProfile> steps_;
  int64_t runs_ = 0;
  double run_seconds_ = 0;
  int64_t start_ = 0;  // nanoseconds of the steady clock
};

}  // namespace omni::runtime
