// Which compression a model needs on a device: each method is carried out, predicted and held against the limits, and the least lossy that fits is
// taken.
#include <algorithm>
#include <cstdio>

#include "api/access.h"

namespace omni {

namespace {

// The study's bounds of accuracy lost (its results table), for want of data to measure with.
double usual_loss(std::string_view method) {
  if (method.empty()) return 0;
  if (method == "fp16" || method == "bf16" || method == "int8-weight") return 0.01;
  if (method == "int8-dynamic") return 0.02;
  return method == "int8-static" ? 0.03 : 0.05;
}

std::string amount(const char* form, double a, double b) {
  char text[160];
  std::snprintf(text, sizeof text, form, a, b);
  return text;
}

int64_t file_bytes(const Graph& graph) {
  try {
    return static_cast<int64_t>(formats::export_onnx(*Access::graph(graph)).size());
  } catch (const Error&) {  // more than ONNX holds in one file
    return graph.summary().weight_bytes;
  }
}

class Recommender {
 public:
  Recommender(const DeviceProfiler& profiler, double max_model_bytes, const RecommendOptions& options)
      : profiler_(profiler), max_model_bytes_(max_model_bytes), options_(options) {}

  Recommendation run(const Graph& graph) {
    add("", graph);
    const std::vector<std::string> methods = compression_methods();
    for (size_t i = 0; i < methods.size(); ++i) {
      core::report(options_.progress, static_cast<double>(i + 1) / static_cast<double>(methods.size() + 1), methods[i]);
      if ((methods[i] == "int8-static" || methods[i] == "gptq") && !options_.data) {
        result_.notes.push_back(methods[i] + " was left out: it needs data to calibrate on");
        continue;
      }
      try {
        CompressorOptions compressor;
        compressor.data = options_.data;
        compressor.samples = options_.samples;
        compressor.isa = options_.isa;
        add(methods[i], ModelCompressor(graph, compressor).compress(methods[i]));
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kInterrupted) throw;
        result_.notes.push_back(methods[i] + " was left out: " + error.what());
      }
    }
    choose();
    return std::move(result_);
  }

 private:
  void add(const std::string& method, const Graph& graph) {
    const Prediction prediction = profiler_.predict(graph, {.shapes = options_.shapes, .threads = options_.threads, .isa = options_.isa});
    Candidate c;
    c.method = method;
    c.size_bytes = file_bytes(graph);
    c.peak_bytes = prediction.memory.peak_bytes;
    c.latency = prediction.latency;
    set_accuracy(c, graph);
    const double size = static_cast<double>(c.size_bytes) / 1e6, limit = max_model_bytes_ / 1e6;
    const double peak = static_cast<double>(c.peak_bytes) / 1e6, ram = static_cast<double>(prediction.ram_bytes) / 1e6;
    if (size > limit) c.misses.push_back(amount("a file of %.4g MB where %.4g MB are allowed", size, limit));
    if (peak > ram) c.misses.push_back(amount("%.4g MB of memory where there are %.4g MB", peak, ram));
    if (options_.max_latency > 0 && c.latency.p95 > options_.max_latency) {
      c.misses.push_back(amount("a 95th percentile of %.4g ms where %.4g ms are wanted", c.latency.p95 * 1e3, options_.max_latency * 1e3));
    }
    if (c.accuracy_loss > options_.max_accuracy_loss) {
      c.misses.push_back(amount("%.3g %% of accuracy lost where %.3g %% are allowed", c.accuracy_loss * 100, options_.max_accuracy_loss * 100));
    }
    result_.candidates.push_back(std::move(c));
  }

  void set_accuracy(Candidate& c, const Graph& graph) {
    c.accuracy_loss = usual_loss(c.method);
    if (!options_.data) return;
    const Evaluation e = evaluate(graph, options_.data->part(0, std::min(options_.samples, options_.data->size())), {.isa = options_.isa});
    if (!e.top1) return;
    if (c.method.empty()) accuracy_ = *e.top1;
    c.accuracy_loss = accuracy_ - *e.top1;
    c.accuracy_measured = true;
  }

  void choose() {
    const std::vector<Candidate>& all = result_.candidates;
    const auto better = [](const Candidate& a, const Candidate& b) {
      if (a.accuracy_loss != b.accuracy_loss) return a.accuracy_loss < b.accuracy_loss;
      return a.latency.p95 != b.latency.p95 ? a.latency.p95 < b.latency.p95 : a.size_bytes < b.size_bytes;
    };
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].misses.empty() && (!result_.chosen || better(all[i], all[*result_.chosen]))) result_.chosen = i;
    }
    if (result_.chosen) {
      result_.reason = *result_.chosen == 0 ? "the model fits as it is" : "of what fits it loses the least accuracy";
      const Candidate& first = all.front();
      for (size_t i = 0; *result_.chosen != 0 && i < first.misses.size(); ++i)
        result_.reason += (i == 0 ? "; as it is the model has " : ", ") + first.misses[i];
      return;
    }
    const auto nearest = std::min_element(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
      return a.misses.size() != b.misses.size() ? a.misses.size() < b.misses.size() : better(a, b);
    });
    result_.reason = "nothing fits; nearest is " + (nearest->method.empty() ? std::string("the model as it is") : nearest->method) + ", which has ";
    for (const std::string& miss : nearest->misses) result_.reason += (&miss == &nearest->misses.front() ? "" : ", and ") + miss;
  }

  const DeviceProfiler& profiler_;
  double max_model_bytes_;
  const RecommendOptions& options_;
  double accuracy_ = 0;
  Recommendation result_;
};

}  // namespace

Recommendation DeviceProfiler::recommend(const Graph& graph, const RecommendOptions& options) const {
  double limit = 0;
  for (const DeviceFigure& figure : profile().figures) {
    if (figure.key == "max_model_size_mb") limit = *figure.number * 1048576;
  }
  return Recommender(*this, limit, options).run(graph);
}

}  // namespace omni
