#include "compress/quantize/static_choice.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "compress/quantize/bias_correction.h"
#include "compress/quantize/equalize.h"

namespace omni::compress {

namespace {

constexpr int64_t kConfirmed = 64;  // samples that a choice is made on

struct Candidate {
  std::string name;
  Graph graph;
  std::vector<TensorReport> report;
  double decibels = 0;
  std::vector<std::string> notes = {};
};

class Chooser {
 public:
  Chooser(const Graph& reference, const StaticOptions& options, const runtime::SampleSource& source, const CalibrateOptions& calibration)
      : reference_(reference), options_(options), source_(source), calibration_(calibration), few_(calibration) {
    few_.samples = std::min(calibration.samples, std::max(kConfirmed, fixed_batch(reference)));
  }

  Candidate run(const StaticPlan& plan, PassContext& context) {
    const auto histograms = calibrate(reference_, plan.observed, source_, calibration_);
    const bool fixed = options_.observer != Observer::kAuto;
    Candidate best;
    Observer observer = options_.observer;
    for (const Observer o : {Observer::kMse, Observer::kMinMax, Observer::kPercentile, Observer::kEntropy}) {
      if (fixed ? o != options_.observer : o == Observer::kEntropy) continue;
      if (keep_better(best, quantized(reference_, plan, histograms, o, std::string(observer_name(o))))) observer = o;
    }
    bool biased = false;
    if (options_.bias_correction != Try::kNever) {
      Candidate candidate = corrected(plan, histograms, observer, best.name);
      if (options_.bias_correction == Try::kAlways) best.name.clear();  // whatever it is, it is asked for
      biased = keep_better(best, std::move(candidate));
    }
    if (!fixed) try_equalized(best, observer, biased);
    context.notes.insert(context.notes.end(), best.notes.begin(), best.notes.end());
    context.notes.push_back("at the outputs: " + tried_ + "; kept: " + best.name);
    return best;
  }

 private:
  Candidate quantized(const Graph& graph, const StaticPlan& plan, const std::map<ValueId, Histogram>& histograms, Observer observer, std::string name) {
    Candidate c{std::move(name), graph.clone(), {}, 0};
    PassContext own;  // of a candidate that may not be the one
    c.report = apply_static(c.graph, plan, histograms, observer, options_.percentile, own);
    c.notes = std::move(own.notes);
    c.decibels = least_signal_to_noise(reference_, c.graph, source_, few_);
    return c;
  }

  Candidate corrected(const StaticPlan& plan, const std::map<ValueId, Histogram>& histograms, Observer observer, const std::string& name) {
    PassContext quiet;
    Graph graph = reference_.clone();
    correct_biases(graph, plan.nodes, source_, few_, quiet);
    return quantized(graph, plan, histograms, observer, name + " and bias correction");
  }

  bool keep_better(Candidate& best, Candidate candidate) {
    std::array<char, 48> text{};
    std::snprintf(text.data(), text.size(), " %.2f dB", candidate.decibels);
    tried_ += (tried_.empty() ? "" : ", ") + candidate.name + text.data();
    if (!best.name.empty() && !(candidate.decibels > best.decibels)) return false;
    best = std::move(candidate);
    return true;
  }

  void try_equalized(Candidate& best, Observer observer, bool biased) {
    PassContext quiet;
    Graph equalized = reference_.clone();
    if (equalize_layers(equalized, false, quiet) == 0) return;
    const StaticPlan plan = plan_static(equalized, quiet);
    const auto histograms = calibrate(equalized, plan.observed, source_, calibration_);
    if (biased) correct_biases(equalized, plan.nodes, source_, few_, quiet);
    keep_better(best, quantized(equalized, plan, histograms, observer, best.name + " and equalization"));
  }

  const Graph& reference_;
  const StaticOptions& options_;
  const runtime::SampleSource& source_;
  CalibrateOptions calibration_, few_;
  std::string tried_;
};

}  // namespace

std::vector<TensorReport> quantize_static(Graph& graph, const StaticOptions& options, const runtime::SampleSource& source, const CalibrateOptions& calibration,
                                          PassContext& context) {
  const StaticPlan plan = plan_static(graph, context);
  if (plan.nodes.empty()) {
    context.notes.emplace_back("nothing in this network has an integer form");
    return {};
  }
  if (options.observer == Observer::kAuto || options.bias_correction == Try::kConfirmed) {
    Candidate best = Chooser(graph, options, source, calibration).run(plan, context);
    graph = std::move(best.graph);
    return std::move(best.report);
  }
  if (options.bias_correction == Try::kAlways) correct_biases(graph, plan.nodes, source, calibration, context);
  return apply_static(graph, plan, calibrate(graph, plan.observed, source, calibration), options.observer, options.percentile, context);
}

}  // namespace omni::compress
