#include "device/probe.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <deque>
#include <map>

#include "core/statistics.h"
#include "device/host.h"
#include "device/kernel_work.h"
#include "device/probe_networks.h"
#include "runtime/session.h"

namespace omni::device {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kVisitSeconds = 0.004;  // of one network before the next: longer than what switching disturbs
constexpr double kCopySeconds = 0.06;    // of one cache level
constexpr double kQuantile = 0.25;       // of the visits: three of four may have been disturbed
constexpr double kCalm = 1.1;            // a visit beside which a known piece of work took so much longer than ever was disturbed
constexpr size_t kFewVisits = 3;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

Tensor input_values(DType dtype, const Shape& shape) {
  std::vector<double> values(static_cast<size_t>(shape.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = (static_cast<double>(i % 17) - 8) / 8;
  return from_double(dtype, shape, values);
}

// A known piece of work on every thread of a pool at once: how long it takes says whether the cores are ours at the moment.
double watch(ThreadPool& pool) {
  double best = INFINITY;
  for (int i = 0; i < 3; ++i) {
    const Clock::time_point start = Clock::now();
    pool.parallel_for(pool.threads(), [](int64_t) {
      float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
      for (int round = 0; round < 6000; ++round) {
        for (float& v : values) v = v * 0.999f + 0.001f;
      }
      asm volatile("" : : "r"(values) : "memory");
    });
    best = std::min(best, since(start));
  }
  return best;
}

double quantile(std::vector<double> values, double share) {
  const auto at = values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

// A network's session with the times of its kernels.
class TimedNetwork {
 public:
  TimedNetwork(std::shared_ptr<const Graph> graph, Isa isa, int threads, std::shared_ptr<ThreadPool> pool)
      : session_(std::move(graph), {.isa = isa, .threads = threads, .pool = std::move(pool), .optimize = false, .profile = true}), threads_(threads) {
    const Graph& ready = session_.graph();
    for (const ValueId id : ready.inputs()) inputs_.push_back(input_values(ready.type(id).dtype, *ready.type(id).shape()));
    views_.resize(session_.output_count());
    run();  // plans, and brings memory in
  }

  int threads() const { return threads_; }
  double calmest() const {
    double best = INFINITY;
    for (const Visit& v : visits_) best = std::min(best, v.watch);
    return best;
  }

  void visit() {
    Visit v;
    v.watch = watch(*session_.pool());
    std::vector<std::vector<double>> times(session_.profiler().steps().size());
    std::vector<double> beside;
    const Clock::time_point start = Clock::now();
    do {
      session_.profiler().reset();
      run();
      const std::vector<runtime::StepProfile>& steps = session_.profiler().steps();
      double sum = 0;
      for (size_t i = 0; i < steps.size(); ++i) {
        times[i].push_back(steps[i].seconds);
        sum += steps[i].seconds;
      }
      v.runs.push_back(session_.profiler().run_seconds());
      beside.push_back(v.runs.back() - sum);
    } while (since(start) < kVisitSeconds);
    v.watch = std::max(v.watch, watch(*session_.pool()));
    for (const std::vector<double>& t : times) v.steps.push_back(core::median(t));
    v.beside = core::median(beside);
    visits_.push_back(std::move(v));
  }

  // Leaves the visits beside which the known piece of work took at most `longest`; where those are few, the few with the shortest.
  bool keep_calm(double longest) {
    std::stable_sort(visits_.begin(), visits_.end(), [](const Visit& a, const Visit& b) { return a.watch < b.watch; });
    size_t calm = 0;
    while (calm < visits_.size() && visits_[calm].watch <= longest) ++calm;
    visits_.resize(std::min(visits_.size(), std::max(calm, kFewVisits)));
    return calm >= kFewVisits;
  }

  void add_samples(std::vector<KernelSample>& samples) const {
    const std::vector<KernelWork> works = kernel_works(session_.profiler().steps(), session_.graph());
    for (size_t i = 0; i < works.size(); ++i) samples.push_back({works[i], threads_, low([&](const Visit& v) { return v.steps[i]; }) * 1e6});
  }
  // Of every run to what its kernels are said to take.
  void add_ratios(std::vector<double>& ratios) const {
    const double usual = low([](const Visit& v) { return core::median(v.runs); });
    for (const Visit& v : visits_) {
      for (const double r : v.runs) ratios.push_back(r / usual);
    }
  }
  double beside_kernels() const {
    return low([](const Visit& v) { return v.beside; });
  }

 private:
  struct Visit {
    double watch = 0;  // of the known piece of work before and after, the longer
    double beside = 0;
    std::vector<double> steps, runs;
  };

  template <class F>
  double low(F&& value) const {
    std::vector<double> values;
    for (const Visit& v : visits_) values.push_back(value(v));
    return quantile(std::move(values), kQuantile);
  }

  void run() {
    for (TensorView& v : views_) v.data = nullptr;
    session_.run(inputs_, views_).check();
  }

  runtime::Session session_;
  int threads_;
  std::vector<Tensor> inputs_;
  std::vector<TensorView> views_;
  std::vector<Visit> visits_;
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

// More than the caches hold, in moderation.
int64_t streamed_bytes(const Profile& p) {
  const double caches = std::max(p.l2_kb ? p.l2_kb->value * p.cores() : 0, p.l3_kb ? p.l3_kb->value : 0) * 1024;
  return static_cast<int64_t>(std::min(std::max(2 * caches, 4e6), std::min(64e6, p.ram_bytes() / 64)));
}

void add_kernels(Profile& p, std::deque<TimedNetwork>& networks) {
  std::map<int, double> calmest;  // by threads; one thread's work takes as long on each of several
  for (const TimedNetwork& network : networks) {
    double& best = calmest.try_emplace(network.threads(), INFINITY).first->second;
    best = std::min(best, network.calmest());
  }
  std::vector<double> ratios, beside;
  size_t disturbed = 0;
  for (TimedNetwork& network : networks) {
    if (!network.keep_calm(kCalm * std::min(calmest[network.threads()], kCalm * calmest[1]))) ++disturbed;
    network.add_samples(p.kernels);
    network.add_ratios(ratios);
    beside.push_back(network.beside_kernels());
  }
  if (disturbed * 4 > networks.size()) p.description += "; something else kept its cores busy while it was probed";
  double least = INFINITY;
  for (const KernelSample& k : p.kernels) least = std::min(least, k.microseconds);
  p.node_us = measured(least, "the shortest kernel");
  p.run_us = measured(std::max(0.0, core::median(beside)) * 1e6, "median of all networks");
  const core::Percentiles spread = core::latency_percentiles(ratios);
  std::erase_if(ratios, [&](double r) { return r > spread.p99; });  // a run in a hundred that was held up for long would be most of a mean
  p.mean_ratio = measured(std::max(0.5, core::mean(ratios)), "runs of all networks, without the longest in a hundred");
  p.p95_ratio = measured(std::max(1.0, spread.p95), "runs of all networks");
  p.p99_ratio = measured(std::max(1.0, spread.p99), "runs of all networks");
}

}  // namespace

Profile probe_host(const ProbeOptions& options) {
  const Clock::time_point start = Clock::now();
  core::report(options.progress, 0, "peaks and bandwidths");
  Profile p = host_profile();
  p.isa = Fact{std::string(isa_name(options.isa)), "the CPU", Confidence::kMeasured};
  measure_machine(p, options.isa);

  std::vector<std::shared_ptr<const Graph>> graphs;
  for (ProbeNetwork& network : probe_networks(streamed_bytes(p))) graphs.push_back(runtime::prepare(std::move(network.graph), {.isa = options.isa}));
  std::deque<TimedNetwork> networks;
  std::vector<int> counts = {1};
  if (p.cores() > 1) counts.push_back(p.cores());
  for (const int threads : counts) {
    const auto pool = std::make_shared<ThreadPool>(threads);
    for (const auto& graph : graphs) networks.emplace_back(graph, options.isa, threads, pool);
  }
  for (int round = 0; round < 1 || since(start) < options.seconds; ++round) {
    for (TimedNetwork& network : networks) {
      if (round >= 1 && since(start) >= options.seconds) break;
      core::report(options.progress, std::min(0.99, since(start) / options.seconds), "kernels, round " + std::to_string(round + 1));
      network.visit();
    }
  }
  add_kernels(p, networks);
  return p;
}

}  // namespace omni::device
