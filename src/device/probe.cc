#include "device/probe.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>

#include "core/statistics.h"
#include "device/host.h"
#include "device/probe_networks.h"
#include "device/work_size.h"
#include "runtime/session.h"

namespace omni::device {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kVisitSeconds = 0.004;  // of one network before the next: longer than what switching disturbs
constexpr size_t kMaxTimes = 400;        // of one kernel; more do not change a median
constexpr double kCopySeconds = 0.06;    // of one cache level

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Tensor input_values(DType dtype, const Shape& shape) {
  std::vector<double> values(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = (static_cast<double>(i % 17) - 8) / 8;
  return from_double(dtype, shape, values);
}

// A network's session with the times of its kernels.
class TimedNetwork {
 public:
  TimedNetwork(const Graph& graph, Isa isa, int threads, std::shared_ptr<ThreadPool> pool)
      : session_(graph.clone(), {.isa = isa, .threads = threads, .pool = std::move(pool), .profile = true}), threads_(threads) {
    const Graph& ready = session_.graph();
    for (const ValueId id : ready.inputs()) inputs_.push_back(input_values(ready.type(id).dtype, *ready.type(id).shape()));
    views_.resize(session_.output_count());
    run();  // plans, and brings memory in
    times_.resize(session_.profiler().steps().size());
  }

  void visit() {
    const Clock::time_point start = Clock::now();
    do {
      session_.profiler().reset();
      run();
      const std::vector<runtime::StepProfile>& steps = session_.profiler().steps();
      double sum = 0;
      for (size_t i = 0; i < steps.size(); ++i) {
        if (times_[i].size() < kMaxTimes) times_[i].push_back(steps[i].seconds);
        sum += steps[i].seconds;
      }
      if (runs_.size() < kMaxTimes) {
        runs_.push_back(session_.profiler().run_seconds());
        beside_.push_back(session_.profiler().run_seconds() - sum);
      }
    } while (since(start) < kVisitSeconds);
  }

  void add_samples(std::vector<KernelSample>& samples) const {
    const std::vector<runtime::StepProfile>& steps = session_.profiler().steps();
    for (size_t i = 0; i < steps.size(); ++i) {
      const WorkSize size = work_size(steps[i]);
      samples.push_back({steps[i].op, steps[i].integer, threads_, size.operations, size.bytes, size.elements, core::median(times_[i]) * 1e6});
    }
  }
  void add_ratios(std::vector<double>& ratios) const {
    const double middle = core::median(runs_);
    for (const double r : runs_) ratios.push_back(r / middle);
  }
  double beside_kernels() const { return core::median(beside_); }

 private:
  void run() {
    for (TensorView& v : views_) v.data = nullptr;
    session_.run(inputs_, views_).check();
  }

  runtime::Session session_;
  int threads_;
  std::vector<Tensor> inputs_;
  std::vector<TensorView> views_;
  std::vector<std::vector<double>> times_;
  std::vector<double> runs_, beside_;
};

// Copying `bytes` back and forth on one thread: read and written bytes a second.
double copy_rate(size_t bytes) {
  std::vector<char> from(bytes, 1), to(bytes, 2);
  double best = 0;
  const Clock::time_point start = Clock::now();
  while (since(start) < kCopySeconds) {
    const size_t times = std::max<size_t>(1, (size_t{1} << 21) / bytes);
    const Clock::time_point begin = Clock::now();
    for (size_t i = 0; i < times; ++i) {
      std::memcpy(to.data(), from.data(), bytes);
      asm volatile("" : : "r"(to.data()), "r"(from.data()) : "memory");
    }
    best = std::max(best, 2.0 * static_cast<double>(bytes * times) / since(begin));
  }
  return best;
}

Figure measured(double value, const std::string& how) { return {value, "omni device probe: " + how, Confidence::kMeasured}; }

void measure_machine(Profile& p, Isa isa) {
  const int cores = p.cores();
  const runtime::Peak peak = runtime::measure_peak(isa, cores);
  const std::string all = "registers alone on one core, times " + std::to_string(cores);
  if (peak.f32 > 0) p.f32_gflops = measured(peak.f32, all);
  if (peak.int8 > 0) p.int8_gops = measured(peak.int8, all);
  const struct {
    const std::optional<Figure>& size;
    std::optional<Figure>& rate;
    const char* name;
  } levels[] = {{p.l1_kb, p.l1_gb_s, "first"}, {p.l2_kb, p.l2_gb_s, "second"}, {p.l3_kb, p.l3_gb_s, "third"}};
  for (const auto& level : levels) {
    // Two buffers that fill half of the level; of a large shared one no more than 4 MB, as others use it too.
    if (level.size)
      level.rate = measured(copy_rate(static_cast<size_t>(std::min(level.size->value * 256, 4194304.0))) / 1e9,
                            std::string("copying in half of the ") + level.name + " cache");
  }
  p.copy_gb_s = measured(copy_rate(size_t{96} << 20) / 1e9, "copying 96 MiB on one thread");
}

}  // namespace

Profile probe_host(const ProbeOptions& options) {
  core::report(options.progress, 0, "peaks and bandwidths");
  Profile p = host_profile();
  p.isa = Fact{std::string(isa_name(options.isa)), "the CPU", Confidence::kMeasured};
  measure_machine(p, options.isa);

  std::deque<TimedNetwork> networks;
  std::vector<int> counts = {1};
  if (p.cores() > 1) counts.push_back(p.cores());
  const std::vector<ProbeNetwork> all = probe_networks();
  for (const int threads : counts) {
    const auto pool = std::make_shared<ThreadPool>(threads);
    for (const ProbeNetwork& network : all) networks.emplace_back(network.graph, options.isa, threads, pool);
  }
  const Clock::time_point start = Clock::now();
  for (int round = 0; round < 3 || since(start) < options.seconds; ++round) {
    for (TimedNetwork& network : networks) {
      core::report(options.progress, std::min(0.99, since(start) / options.seconds), "kernels, round " + std::to_string(round + 1));
      network.visit();
    }
  }
  std::vector<double> ratios, beside;
  for (const TimedNetwork& network : networks) {
    network.add_samples(p.kernels);
    network.add_ratios(ratios);
    beside.push_back(network.beside_kernels());
  }
  double least = INFINITY;
  for (const KernelSample& k : p.kernels) least = std::min(least, k.microseconds);
  p.node_us = measured(least, "the shortest kernel");
  p.run_us = measured(std::max(0.0, core::median(beside)) * 1e6, "median of all networks");
  const core::Percentiles spread = core::latency_percentiles(ratios);
  p.mean_ratio = measured(std::max(0.5, core::mean(ratios)), "runs of all networks");
  p.p95_ratio = measured(std::max(1.0, spread.p95), "runs of all networks");
  p.p99_ratio = measured(std::max(1.0, spread.p99), "runs of all networks");
  return p;
}

}  // namespace omni::device
