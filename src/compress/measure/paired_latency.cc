#include "compress/measure/paired_latency.h"

#include <algorithm>
#include <chrono>

#include "core/statistics.h"
#include "runtime/engine.h"

namespace omni::compress {

namespace {

// Long enough that what the other left in the caches does not count, short enough that the clock speed is the same for both.
constexpr double kTurnSeconds = 0.01;
constexpr int64_t kMinTurns = 7, kMaxTurnRuns = 1000;
constexpr int kWarmUps = 3;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class Side {
 public:
  Side(const Graph& graph, const LatencyOptions& options) : inputs_(options.inputs) {
    runtime::SessionOptions session;
    session.threads = 1;
    session.isa = options.isa;
    engine_ = runtime::make_session_engine(std::make_shared<Graph>(graph.clone()), std::move(session));
    for (int i = 0; i < kWarmUps; ++i) {
      const double start = now();
      engine_->run(inputs_);
      const double seconds = std::max(now() - start, 1e-9);
      runs_ = std::clamp(static_cast<int64_t>(kTurnSeconds / seconds), int64_t{1}, kMaxTurnRuns);
    }
  }
  // The median of a turn's runs.
  double turn() {
    std::vector<double> seconds;
    for (int64_t i = 0; i < runs_; ++i) {
      const double start = now();
      engine_->run(inputs_);
      seconds.push_back(now() - start);
    }
    return median(seconds);
  }

 private:
  const std::vector<Tensor>& inputs_;
  std::unique_ptr<runtime::Engine> engine_;
  int64_t runs_ = 1;
};

}  // namespace

PairedLatency compare_latency(const Graph& before, const Graph& after, const LatencyOptions& options) {
  Side first(before, options), second(after, options);
  std::vector<double> was, is, ratios;
  const double start = now();
  while (true) {
    const double elapsed = now() - start;
    const auto turns = static_cast<int64_t>(ratios.size());
    if (turns >= kMinTurns && elapsed >= options.seconds) break;
    report(options.progress, std::min(0.99, std::min(elapsed / options.seconds, static_cast<double>(turns) / kMinTurns)), "measuring");
    // Who begins changes from turn to turn.
    double a = 0, b = 0;
    if (turns % 2 == 0) {
      a = first.turn();
      b = second.turn();
    } else {
      b = second.turn();
      a = first.turn();
    }
    was.push_back(a);
    is.push_back(b);
    ratios.push_back(b / std::max(a, 1e-12));
  }
  const Interval interval = median_interval(ratios);
  return {median(was), median(is), median(ratios), interval.low, interval.high, static_cast<int64_t>(ratios.size())};
}

}  // namespace omni::compress
