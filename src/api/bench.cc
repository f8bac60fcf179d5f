// Latency of a model, alone or in turns with another engine.
#include <chrono>
#include <cmath>

#include "api/access.h"
#include "backends/onnxruntime/onnxruntime_engine.h"
#include "core/progress.h"
#include "core/statistics.h"

namespace omni {

namespace {

// A turn of one engine: long enough that what the other left in the caches does not count, short enough that the clock speed is the same for both.
constexpr double kTurnSeconds = 0.01;
constexpr int64_t kMaxTurnRuns = 1000;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Our side: outputs bound, so that a run allocates nothing.
class OwnRunner {
 public:
  OwnRunner(const Graph& graph, const runtime::SessionOptions& options, std::vector<core::Tensor> inputs)
      : session_(Access::graph(graph), options), inputs_(std::move(inputs)) {
    outputs_ = session_.run(inputs_);
    for (core::Tensor& output : outputs_) output = core::Tensor(output.dtype(), output.shape());
    for (core::Tensor& output : outputs_) views_.push_back(output.mutable_view());
  }
  void run() { session_.run(inputs_, views_).check(); }
  std::vector<core::Tensor> outputs() const { return outputs_; }
  const std::string& output_name(size_t i) const { return session_.output_name(i); }

 private:
  runtime::Session session_;
  std::vector<core::Tensor> inputs_, outputs_;
  std::vector<core::TensorView> views_;
};

class OtherRunner {
 public:
  OtherRunner(std::unique_ptr<runtime::Engine> engine, const graph::Graph& graph, const std::vector<core::Tensor>& inputs)
      : engine_(std::move(engine)) {
    for (const runtime::EnginePort& port : engine_->inputs()) {
      size_t i = 0;
      while (i < inputs.size() && graph.value(graph.inputs()[i]).name != port.name) ++i;
      if (i == inputs.size())
        throw Error(ErrorCode::kUnsupported, "it has an input " + core::quoted(port.name) + " that we do not have", std::string(engine_->name()));
      inputs_.push_back(inputs[i]);
    }
  }
  void run() { outputs_ = engine_->run(inputs_); }
  std::string name() const { return std::string(engine_->name()); }
  const core::Tensor* output(std::string_view name) const {
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (engine_->outputs()[i].name == name) return &outputs_[i];
    }
    return nullptr;
  }

 private:
  std::unique_ptr<runtime::Engine> engine_;
  std::vector<core::Tensor> inputs_, outputs_;
};

template <class Runner>
void time_turn(Runner& runner, int64_t runs, std::vector<double>& seconds) {
  for (int64_t i = 0; i < runs; ++i) {
    const double start = now();
    runner.run();
    seconds.push_back(now() - start);
  }
}

template <class Runner>
double warm_up(Runner& runner, int64_t runs) {
  std::vector<double> seconds;
  time_turn(runner, std::max<int64_t>(runs, 1), seconds);
  return core::median(seconds);
}

Latency latency_of(std::string engine, const std::vector<double>& seconds) {
  Latency latency;
  latency.engine = std::move(engine);
  latency.runs = static_cast<int64_t>(seconds.size());
  latency.mean = core::mean(seconds);
  latency.deviation = core::standard_deviation(seconds);
  const core::Percentiles p = core::latency_percentiles(seconds);
  latency.p50 = p.p50;
  latency.p95 = p.p95;
  latency.p99 = p.p99;
  latency.min = *std::min_element(seconds.begin(), seconds.end());
  return latency;
}

double largest_difference(const OwnRunner& own, const OtherRunner& other) {
  double largest = 0;
  const std::vector<core::Tensor> outputs = own.outputs();
  for (size_t i = 0; i < outputs.size(); ++i) {
    const core::Tensor* theirs = other.output(own.output_name(i));
    if (theirs == nullptr || theirs->count() != outputs[i].count() || outputs[i].dtype() == core::DType::kString) continue;
    const std::vector<double> a = core::to_double(outputs[i]), b = core::to_double(*theirs);
    for (size_t k = 0; k < a.size(); ++k) largest = std::max(largest, std::abs(a[k] - b[k]));
  }
  return largest;
}

std::unique_ptr<OtherRunner> make_other(const Graph& graph, const BenchOptions& options, int threads, const std::vector<core::Tensor>& inputs) {
  if (options.against.empty()) return nullptr;
  if (options.against != "onnxruntime") {
    throw Error(ErrorCode::kInvalidArgument, "there is no engine " + core::quoted(options.against), "bench", "use onnxruntime");
  }
  backends::OnnxModel model;
  if (graph.format() == "onnx" && !Access::path(graph).empty()) {
    model.path = Access::path(graph);
  } else {
    model.bytes = formats::export_onnx(*Access::graph(graph));
  }
  backends::OnnxRuntimeOptions engine;
  engine.library = options.library;
  engine.threads = threads;
  return std::make_unique<OtherRunner>(backends::make_onnxruntime_engine(model, engine), *Access::graph(graph), inputs);
}

struct Timings {
  std::vector<double> own, other, ratios;
};

// Turns until the runs or the time are used up.
Timings measure(OwnRunner& own, OtherRunner* other, const BenchOptions& options, double own_guess, double other_guess) {
  const auto turn = [](double guess) { return std::clamp(static_cast<int64_t>(kTurnSeconds / std::max(guess, 1e-9)), int64_t{1}, kMaxTurnRuns); };
  const int64_t own_turn = turn(own_guess), other_turn = turn(other_guess);
  Timings timings;
  const double start = now();
  while (true) {
    const auto done = static_cast<int64_t>(timings.own.size());
    const double elapsed = now() - start;
    const double fraction = options.runs > 0 ? static_cast<double>(done) / static_cast<double>(options.runs) : elapsed / options.seconds;
    if (fraction >= 1 && done > 0) return timings;
    core::report(options.progress, std::min(fraction, 1.0), std::to_string(done) + " runs");
    const int64_t runs = options.runs > 0 ? std::min(own_turn, options.runs - done) : own_turn;
    time_turn(own, runs, timings.own);
    if (other == nullptr) continue;
    time_turn(*other, options.runs > 0 ? std::min(other_turn, options.runs) : other_turn, timings.other);
    const auto own_last = std::span<const double>(timings.own).last(static_cast<size_t>(runs));
    const size_t other_runs = static_cast<size_t>(options.runs > 0 ? std::min(other_turn, options.runs) : other_turn);
    timings.ratios.push_back(core::median(own_last) / core::median(std::span<const double>(timings.other).last(other_runs)));
  }
}

}  // namespace

Benchmark bench(const Graph& model, const BenchOptions& options) {
  if (options.runs < 0 || options.warmup < 0) throw Error(ErrorCode::kInvalidArgument, "numbers of runs cannot be negative", "bench");
  if (options.runs == 0 && !(options.seconds > 0))
    throw Error(ErrorCode::kInvalidArgument, "there is no time to measure in", "bench", "give some time, or a number of runs");
  const graph::Graph& graph = *Access::graph(model);
  runtime::SessionOptions session = api::session_options(options.threads, options.isa, options.disabled_passes);
  api::give_up(options.memory, graph, session);
  InputShapes sizes = options.shapes;
  for (const auto& [name, value] : options.inputs) sizes[name].assign(value.shape().begin(), value.shape().end());
  const std::vector<core::Shape> shapes = api::input_shapes(graph, sizes);
  const std::vector<core::Tensor> inputs = api::noise_inputs(graph, shapes, options.seed, options.inputs);
  OwnRunner own(model, session, inputs);
  const std::unique_ptr<OtherRunner> other = make_other(model, options, session.threads, inputs);
  const double own_guess = warm_up(own, options.warmup);
  const double other_guess = other ? warm_up(*other, options.warmup) : 0;
  const Timings timings = measure(own, other.get(), options, own_guess, other_guess);

  Benchmark result;
  result.omni = latency_of("omni " + std::string(version()), timings.own);
  result.threads = session.threads;
  result.isa = core::isa_name(session.isa);
  result.inputs = model.inputs();
  for (size_t i = 0; i < inputs.size(); ++i) {
    result.inputs[i].shape = api::dims_of(shapes[i]);
    result.inputs[i].type = std::string(core::dtype_name(inputs[i].dtype())) + shapes[i].text();
  }
  if (other) {
    result.other = latency_of(other->name(), timings.other);
    result.ratio = core::median(timings.ratios);
    result.ratio_low = core::percentile(timings.ratios, 25);
    result.ratio_high = core::percentile(timings.ratios, 75);
    result.max_difference = largest_difference(own, *other);
  }
  return result;
}

}  // namespace omni
