#include "compress/quantize/equalize.h"

#include <cmath>

#include "compress/quantize/scaling.h"

namespace omni::compress {

namespace {

constexpr int kRounds = 40;
constexpr double kSettled = 1e-3;  // of a factor's logarithm: beyond that, ranges differ by less than a quantization step

// Both sides' ranges of one pair made equal; how far the farthest factor is from 1, as a logarithm.
double equalize_pair(Graph& graph, const ScalePoint& point) {
  const std::vector<double> first = channel_extremes(graph, std::span(&point.writers.back(), 1), point.channels);
  const std::vector<double> second = channel_extremes(graph, point.readers, point.channels);
  std::vector<double> factors(first.size(), 1.0);
  double farthest = 0;
  for (size_t c = 0; c < factors.size(); ++c) {
    if (!(first[c] > 0) || !(second[c] > 0) || !std::isfinite(first[c]) || !std::isfinite(second[c])) continue;
    factors[c] = std::sqrt(first[c] / second[c]);
    farthest = std::max(farthest, std::fabs(std::log(factors[c])));
  }
  apply_scale(graph, point, factors);
  return farthest;
}

}  // namespace

size_t equalize_layers(Graph& graph, bool clips, PassContext& context) {
  size_t pairs = 0;
  for (int round = 0; round < kRounds; ++round) {
    double farthest = 0;
    pairs = 0;
    for (const ScalePoint& point : scale_points(graph, clips)) {
      if (!point.weights) continue;
      farthest = std::max(farthest, equalize_pair(graph, point));
      ++pairs;
    }
    if (farthest < kSettled) break;
  }
  context.notes.push_back("cross-layer equalization: " + std::to_string(pairs) + " pairs of layers");
  return pairs;
}

size_t smooth_activations(Graph& graph, double alpha, const runtime::SampleSource& source, const CalibrateOptions& options, PassContext& context) {
  constexpr double kLeast = 1e-5;  // of a channel that is always 0
  std::vector<ScalePoint> points;
  Captures captures(graph);
  for (ScalePoint& point : scale_points(graph, false)) {
    if (point.weights) continue;
    captures.channel_max(point.value, point.axis, point.channels);
    points.push_back(std::move(point));
  }
  calibrate(graph, captures, source, options);
  // Factors first: applying them may make values anew.
  std::vector<std::vector<double>> factors;
  for (const ScalePoint& point : points) {
    const std::vector<double> x = captures.channel_max_of(point.value), w = channel_extremes(graph, point.readers, point.channels);
    factors.emplace_back(x.size(), 1.0);
    for (size_t c = 0; c < x.size(); ++c) {
      const double s = std::pow(std::max(x[c], kLeast), alpha) / std::pow(std::max(w[c], kLeast), 1 - alpha);
      if (std::isfinite(s)) factors.back()[c] = std::max(s, kLeast);
    }
  }
  for (size_t i = 0; i < points.size(); ++i) apply_scale(graph, points[i], factors[i]);
  context.notes.push_back("SmoothQuant: " + std::to_string(points.size()) + " activations smoothed");
  return points.size();
}

}  // namespace omni::compress
