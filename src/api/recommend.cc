// Which compression a model needs on a device: each method is carried out, predicted and held against the limits, and the least lossy that fits is
// taken. Devices share what does not depend on them: compressing, and planning for an instruction set.
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
  Recommender(std::span<const DeviceProfiler> devices, const RecommendOptions& options) : options_(options), results_(devices.size()) {
    for (const DeviceProfiler& d : devices) profiles_.push_back(&Access::profile(d));
  }

  std::vector<Recommendation> run(const Graph& graph) {
    add("", graph);
    std::vector<std::string> methods = compression_methods();
    if (options_.until_fits && options_.data) {
      throw Error(ErrorCode::kInvalidArgument, "does not go with data, which tells what is lost only afterwards", "until_fits", "leave one out");
    }
    const bool ordered = options_.until_fits;
    if (ordered) std::stable_sort(methods.begin(), methods.end(), [](const auto& a, const auto& b) { return usual_loss(a) < usual_loss(b); });
    for (size_t i = 0; i < methods.size(); ++i) {
      if (ordered && all_fit_below(usual_loss(methods[i]))) break;
      core::report(options_.progress, static_cast<double>(i + 1) / static_cast<double>(methods.size() + 1), methods[i]);
      try_method(methods[i], graph);
    }
    for (Recommendation& r : results_) choose(r);
    return std::move(results_);
  }

 private:
  void note(const std::string& text) {
    for (Recommendation& r : results_) r.notes.push_back(text);
  }

  void try_method(const std::string& method, const Graph& graph) {
    if (compress::find_step(method).needs_data && !options_.data) return note(method + " was left out: it needs data to calibrate on");
    try {
      CompressorOptions compressor;
      compressor.data = options_.data;
      compressor.samples = options_.samples;
      compressor.isa = options_.isa;
      add(method, ModelCompressor(graph, compressor).compress(method));
    } catch (const Error& error) {
      if (error.code() == ErrorCode::kInterrupted) throw;
      note(method + " was left out: " + error.what());
    }
  }

  // Each device has something that fits and loses less.
  bool all_fit_below(double loss) const {
    return std::all_of(results_.begin(), results_.end(), [&](const Recommendation& r) {
      return std::any_of(r.candidates.begin(), r.candidates.end(), [&](const Candidate& c) { return c.misses.empty() && c.accuracy_loss < loss; });
    });
  }

  void add(const std::string& method, const Graph& graph) {
    Candidate made;
    made.method = method;
    made.size_bytes = file_bytes(graph);
    if (method.empty()) original_bytes_ = made.size_bytes;
    if (!method.empty() && made.size_bytes >= original_bytes_) return;  // changes nothing that counts here
    set_accuracy(made, graph);
    std::map<std::string, api::Planned> plans;  // by instruction set
    for (const device::Profile* profile : profiles_) {
      const std::string isa = api::planning_isa(*profile, options_.isa);
      if (!plans.contains(isa)) plans.emplace(isa, api::plan(graph, {.shapes = options_.shapes, .isa = isa}));
    }
    for (size_t i = 0; i < profiles_.size(); ++i) {
      const api::Planned& planned = plans.at(api::planning_isa(*profiles_[i], options_.isa));
      add(results_[i], made, api::predict(planned, *profiles_[i], options_.threads, options_.isa), profiles_[i]->max_model_bytes());
    }
  }

  void add(Recommendation& result, Candidate c, const Prediction& prediction, double max_model_bytes) const {
    c.peak_bytes = prediction.memory.peak_bytes;
    c.latency = prediction.latency;
    const double size = static_cast<double>(c.size_bytes) / 1e6, limit = max_model_bytes / 1e6;
    const double peak = static_cast<double>(c.peak_bytes) / 1e6, ram = static_cast<double>(prediction.ram_bytes) / 1e6;
    if (size > limit) c.misses.push_back(amount("a file of %.4g MB where %.4g MB are allowed", size, limit));
    if (peak > ram) c.misses.push_back(amount("%.4g MB of memory where there are %.4g MB", peak, ram));
    if (options_.max_latency > 0 && c.latency.p95 > options_.max_latency) {
      c.misses.push_back(amount("a 95th percentile of %.4g ms where %.4g ms are wanted", c.latency.p95 * 1e3, options_.max_latency * 1e3));
    }
    if (c.accuracy_loss > options_.max_accuracy_loss) {
      c.misses.push_back(amount("%.3g %% of accuracy lost where %.3g %% are allowed", c.accuracy_loss * 100, options_.max_accuracy_loss * 100));
    }
    result.candidates.push_back(std::move(c));
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

  static void choose(Recommendation& result) {
    const std::vector<Candidate>& all = result.candidates;
    const auto better = [](const Candidate& a, const Candidate& b) {
      if (a.accuracy_loss != b.accuracy_loss) return a.accuracy_loss < b.accuracy_loss;
      return a.latency.p95 != b.latency.p95 ? a.latency.p95 < b.latency.p95 : a.size_bytes < b.size_bytes;
    };
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].misses.empty() && (!result.chosen || better(all[i], all[*result.chosen]))) result.chosen = i;
    }
    if (result.chosen) {
      result.reason = *result.chosen == 0 ? "the model fits as it is" : "of what fits it loses the least accuracy";
      const Candidate& first = all.front();
      for (size_t i = 0; *result.chosen != 0 && i < first.misses.size(); ++i)
        result.reason += (i == 0 ? "; as it is the model has " : ", ") + first.misses[i];
      return;
    }
    const auto nearest = std::min_element(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
      return a.misses.size() != b.misses.size() ? a.misses.size() < b.misses.size() : better(a, b);
    });
    result.reason = "nothing fits; nearest is " + (nearest->method.empty() ? std::string("the model as it is") : nearest->method) + ", which has ";
    for (const std::string& miss : nearest->misses) result.reason += (&miss == &nearest->misses.front() ? "" : ", and ") + miss;
  }

  const RecommendOptions& options_;
  std::vector<const device::Profile*> profiles_;
  double accuracy_ = 0;
  int64_t original_bytes_ = 0;
  std::vector<Recommendation> results_;  // by device
};

}  // namespace

Recommendation DeviceProfiler::recommend(const Graph& graph, const RecommendOptions& options) const {
  return recommend(std::span(this, 1), graph, options).front();
}

std::vector<Recommendation> DeviceProfiler::recommend(std::span<const DeviceProfiler> devices, const Graph& graph, const RecommendOptions& options) {
  return Recommender(devices, options).run(graph);
}

}  // namespace omni
