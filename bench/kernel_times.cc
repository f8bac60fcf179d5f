// Every kernel of models as sessions run them, measured, and predicted where a profile is given: where a prediction goes wrong.
//   kernel_times [--device NAME] [--threads N] [--seconds S] [--networks] MODEL [NAME=SIZES …] [-- MODEL …]
// --networks: those of a probe.
// Prints for each model the run (mean and median without profiling), then its kernels: microseconds that a fifth of the times are below, the median,
// predicted.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/statistics.h"
#include "device/kernel_work.h"
#include "device/latency.h"
#include "device/probe_networks.h"
#include "device/store.h"
#include "formats/onnx/import.h"
#include "runtime/session.h"

namespace {

using namespace omni;
using namespace omni::core;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct Options {
  std::optional<device::Profile> device;
  int threads = 1;
  double seconds = 2;
};

using Sizes = std::map<std::string, std::vector<int64_t>>;

std::vector<Tensor> inputs_of(const graph::Graph& graph, const Sizes& sizes) {
  std::vector<Tensor> inputs;
  for (const graph::ValueId id : graph.inputs()) {
    std::vector<int64_t> dims;
    for (const graph::Dim d : graph.type(id).dims) dims.push_back(d.is_constant() ? d.value : 1);
    if (const auto given = sizes.find(graph.value(id).name); given != sizes.end()) dims = given->second;
    const DType type = graph.type(id).dtype;
    const Shape shape{std::span<const int64_t>(dims)};
    std::vector<double> values(static_cast<size_t>(shape.count()));
    for (size_t i = 0; i < values.size(); ++i) values[i] = is_float(type) ? (static_cast<double>(i % 17) - 8) / 8 : static_cast<double>(i % 2);
    inputs.push_back(from_double(type, shape, values));
  }
  return inputs;
}

void print_model(const std::string& path, graph::Graph model, const Sizes& sizes, const Options& options) {
  auto graph = runtime::prepare(std::move(model));
  const auto pool = std::make_shared<ThreadPool>(options.threads);
  const std::vector<Tensor> inputs = inputs_of(*graph, sizes);
  std::vector<double> runs;
  {
    runtime::Session session(graph, {.pool = pool, .optimize = false});
    std::vector<TensorView> outputs(session.output_count());
    const auto run = [&] {
      for (TensorView& v : outputs) v.data = nullptr;
      session.run(inputs, outputs).check();
    };
    run(), run();
    for (const Clock::time_point start = Clock::now(); runs.empty() || since(start) < options.seconds / 2;) {
      const Clock::time_point begin = Clock::now();
      run();
      runs.push_back(since(begin) * 1e6);
    }
  }
  runtime::Session session(graph, {.pool = pool, .optimize = false, .profile = true});
  std::vector<TensorView> outputs(session.output_count());
  std::vector<std::vector<double>> times;
  for (const Clock::time_point start = Clock::now(); times.empty() || times[0].empty() || since(start) < options.seconds / 2;) {
    for (TensorView& v : outputs) v.data = nullptr;
    session.run(inputs, outputs).check();
    const std::vector<runtime::StepProfile>& steps = session.profiler().steps();
    if (times.empty()) {
      session.run(inputs, outputs).check();
      times.resize(steps.size());
    } else {
      for (size_t i = 0; i < steps.size(); ++i) times[i].push_back(steps[i].seconds * 1e6);
    }
    session.profiler().reset();
  }
  std::printf("run\t%s\t%d\t%.2f\t%.2f\n", path.c_str(), options.threads, core::mean(runs), core::median(runs));
  const std::vector<runtime::StepProfile>& steps = session.profiler().steps();
  const std::vector<device::KernelWork> works = device::kernel_works(steps, session.graph());
  for (size_t i = 0; i < steps.size(); ++i) {
    std::sort(times[i].begin(), times[i].end());
    double predicted = 0;
    if (options.device) {
      device::Workload one;
      one.steps = {steps[i]};
      one.kernels = {works[i]};
      predicted = (device::predict_latency(one, *options.device, options.threads).p50 - (options.device->run_us ? options.device->run_us->value : 0) * 1e-6) * 1e6;
    }
    const device::KernelWork& w = works[i];
    std::printf("step\t%s\t%s\t%s\t%d\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.3f\t%.3f\t%.3f", steps[i].op.c_str(), w.kind.c_str(), steps[i].shapes.c_str(), w.integer,
                w.operations, w.bytes, w.elements, w.columns, w.weights, times[i].empty() ? 0 : times[i][times[i].size() / 5], core::median(times[i]), predicted);
    const bool of_body = steps[i].id >= session.graph().node_count();
    for (const graph::ValueId id : of_body ? std::vector<graph::ValueId>() : session.graph().node(steps[i].id).inputs) {
      if (session.graph().is_constant(id)) std::printf("\t%s", session.graph().value(id).data.shape().text().c_str());
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  std::string path;
  Sizes sizes;
  const auto finish = [&] {
    if (path.empty()) return;
    try {
      print_model(path, formats::import_onnx(path), sizes, options);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
    }
    path.clear();
    sizes.clear();
  };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--device" && i + 1 < argc) {
      options.device = device::find_profile(argv[++i]).profile;
    } else if (word == "--threads" && i + 1 < argc) {
      options.threads = std::atoi(argv[++i]);
    } else if (word == "--seconds" && i + 1 < argc) {
      options.seconds = std::atof(argv[++i]);
    } else if (word == "--networks") {
      for (device::ProbeNetwork& network : device::probe_networks(int64_t{80} << 20)) print_model(network.name, std::move(network.graph), {}, options);
    } else if (word == "--") {
      finish();
    } else if (path.empty()) {
      path = word;
    } else {
      const size_t equals = word.rfind('=');
      std::vector<int64_t>& dims = sizes[word.substr(0, equals)];
      for (const char* at = word.c_str() + equals + 1; *at != 0;) {
        char* end = nullptr;
        dims.push_back(std::strtoll(at, &end, 10));
        at = *end == ',' ? end + 1 : end;
      }
    }
  }
  finish();
  return 0;
}
