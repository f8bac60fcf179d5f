#include "compress/quantize/weights_from_data.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "compress/quantize/scaling.h"

namespace omni::compress {

namespace {

// Bytes of a product's Gram matrix while it is measured: the value and the next one.
size_t gram_bytes(const Graph& graph, NodeId product) { return 2 * static_cast<size_t>(Captures::gram_shape(graph, product).count()) * sizeof(float); }

// Where a pass that begins with the batch `first` of products ends: as many as fit, one at least. Products that share a Gram matrix count once.
size_t pass_end(const Graph& graph, const std::vector<std::vector<NodeId>>& batches, size_t first, size_t budget) {
  std::set<std::string> matrices;
  size_t bytes = 0, at = first;
  for (; at < batches.size(); ++at) {
    for (const NodeId product : batches[at]) {
      if (matrices.insert(Captures::gram_key(graph, product)).second) bytes += gram_bytes(graph, product);
    }
    if (at > first && bytes > budget) break;
  }
  return at;
}

Captures measure(const Graph& graph, std::span<const NodeId> products, const runtime::SampleSource& source, const CalibrateOptions& options) {
  Captures captures(graph);
  for (const NodeId product : products) captures.gram(product);
  calibrate(graph, captures, source, options);
  return captures;
}

// One scaled product of a point: its weights as a matrix, the Gram matrix of its inputs, and how many columns a channel has.
struct Reader {
  Tensor matrix, gram;
  int64_t taps = 1;
};

// Squared error at the readers' outputs when their weights are rounded with channels times s.
double rounded_error(const std::vector<Reader>& readers, std::span<const double> s, const BlockOptions& blocks) {
  double total = 0;
  for (const Reader& reader : readers) {
    const int64_t columns = reader.matrix.shape()[1];
    Tensor scaled(DType::kF32, reader.matrix.shape());
    const auto factor = [&](size_t i) { return s[static_cast<size_t>(static_cast<int64_t>(i) % columns / reader.taps)]; };
    const std::span<const float> w = reader.matrix.values<float>();
    for (size_t i = 0; i < w.size(); ++i) scaled.mutable_values<float>()[i] = static_cast<float>(w[i] * factor(i));
    Tensor rounded = quantize_blocks(scaled, blocks.group, blocks.levels(), BlockChoice::kMinMax).dequantized();
    for (size_t i = 0; i < w.size(); ++i) rounded.mutable_values<float>()[i] = static_cast<float>(rounded.values<float>()[i] / factor(i));
    total += output_error(reader.matrix, rounded, reader.gram);
  }
  return total;
}

// Root mean square of each channel of what the readers read, over their common mean in the paper's sense: √(max · min) is 1.
std::vector<double> magnitudes(const Reader& reader, int64_t channels, double alpha) {
  std::vector<double> s(static_cast<size_t>(channels), 0.0);
  const int64_t k = channels * reader.taps;
  for (int64_t i = 0; i < k; ++i) s[static_cast<size_t>(i / reader.taps)] += static_cast<double>(reader.gram.values<float>()[static_cast<size_t>(i * k + i)]);
  double low = INFINITY, high = 0;
  for (double& v : s) {
    v = v > 0 && std::isfinite(v) ? std::pow(v, alpha / 2) : 0;
    if (v > 0) low = std::min(low, v);
    high = std::max(high, v);
  }
  const double middle = high > 0 ? std::sqrt(low * high) : 1;
  for (double& v : s) v = v > 0 ? v / middle : 1;
  return s;
}

// The factors with the least error, or nothing where none is better than leaving the weights alone.
std::optional<std::vector<double>> best_scale(const std::vector<Reader>& readers, int64_t channels, const BlockOptions& blocks) {
  constexpr int kSteps = 20;
  std::optional<std::vector<double>> best;
  double least = rounded_error(readers, std::vector<double>(static_cast<size_t>(channels), 1.0), blocks);
  for (int i = 1; i < kSteps; ++i) {
    std::vector<double> s = magnitudes(readers[0], channels, static_cast<double>(i) / kSteps);
    const double error = rounded_error(readers, s, blocks);
    if (error >= least) continue;
    least = error;
    best = std::move(s);
  }
  return best;
}

std::vector<Reader> readers_of(const Graph& graph, const ScalePoint& point, const Captures& captures, const std::vector<WeightTarget>& targets) {
  std::vector<Reader> readers;
  for (const ChannelOperand& operand : point.readers) {
    const auto target = std::find_if(targets.begin(), targets.end(), [&](const WeightTarget& t) { return t.node == operand.node; });
    if (target == targets.end()) continue;
    Reader reader{weight_matrix(graph, *target), captures.gram_of(operand.node), 1};
    reader.taps = reader.matrix.shape()[1] / point.channels;
    readers.push_back(std::move(reader));
  }
  return readers;
}

}  // namespace

size_t scale_by_activations(Graph& graph, const BlockOptions& blocks, const runtime::SampleSource& source, const CalibrateOptions& options, PassContext& context) {
  const std::vector<WeightTarget> targets = planned_block_targets(graph, blocks);
  const auto is_target = [&](NodeId node) { return std::any_of(targets.begin(), targets.end(), [&](const WeightTarget& t) { return t.node == node; }); };
  std::vector<ScalePoint> points;
  std::vector<std::vector<NodeId>> products;  // of each point
  for (ScalePoint& point : scale_points(graph, false)) {
    std::vector<NodeId> readers;
    for (const ChannelOperand& o : point.readers) {
      if (is_target(o.node)) readers.push_back(o.node);
    }
    const auto refused = [&](NodeId node) { return Captures::gram_refusal(graph, node) != nullptr; };
    if (readers.empty() || std::any_of(readers.begin(), readers.end(), refused)) continue;
    products.push_back(std::move(readers));
    points.push_back(std::move(point));
  }
  size_t scaled = 0;
  for (size_t first = 0; first < points.size();) {
    const size_t last = pass_end(graph, products, first, options.state_bytes);
    std::vector<std::optional<std::vector<double>>> factors;
    std::vector<NodeId> measured;
    for (size_t i = first; i < last; ++i) measured.insert(measured.end(), products[i].begin(), products[i].end());
    const Captures captures = measure(graph, measured, source, options);
    for (size_t i = first; i < last; ++i) factors.push_back(best_scale(readers_of(graph, points[i], captures, targets), points[i].channels, blocks));
    for (size_t i = first; i < last; ++i) {
      if (!factors[i - first]) continue;
      apply_scale(graph, points[i], *factors[i - first]);
      ++scaled;
    }
    first = last;
  }
  context.notes.push_back("AWQ: the weights behind " + std::to_string(scaled) + " of " + std::to_string(points.size()) + " activations scaled");
  return scaled;
}

void quantize_weights_gptq(Graph& graph, const BlockOptions& blocks, const GptqLayers& gptq, const runtime::SampleSource& source, const CalibrateOptions& options,
                           PassContext& context) {
  std::vector<WeightTarget> targets;
  std::vector<std::vector<NodeId>> products;  // neighbours that read the same activation together
  for (const WeightTarget& target : block_targets(graph, blocks, context)) {
    const char* reason = target.input != 1 ? "it is no product's second operand" : Captures::gram_refusal(graph, target.node);
    if (reason == nullptr && graph.use_count(target.value) != 1) reason = "several nodes share it";
    if (reason == nullptr) {
      const bool together = !products.empty() && graph.node(products.back()[0]).inputs[0] == graph.node(target.node).inputs[0];
      if (!together) products.emplace_back();
      products.back().push_back(target.node);
      targets.push_back(target);
      continue;
    }
    context.notes.push_back(graph.value(target.value).name + ": rounded to nearest, " + reason);
    store_blocks(graph, target, quantize_blocks(weight_matrix(graph, target), blocks.group, blocks.levels(), blocks.choice));
  }
  const GptqOptions rounding{blocks.group, blocks.levels(), gptq.damping, gptq.act_order, BlockChoice::kGrid};
  size_t done = 0;  // of targets
  for (size_t first = 0; first < products.size();) {
    const size_t last = gptq.sequential ? first + 1 : pass_end(graph, products, first, options.state_bytes);
    std::vector<NodeId> measured;
    for (size_t i = first; i < last; ++i) measured.insert(measured.end(), products[i].begin(), products[i].end());
    const Captures captures = measure(graph, measured, source, options);
    std::vector<BlockWeights> rounded;  // before any is stored: the captures look at the weights' shapes
    for (size_t i = 0; i < measured.size(); ++i) {
      const WeightTarget& target = targets[done + i];
      report(options.progress, static_cast<double>(done + i) / static_cast<double>(targets.size()), "rounding " + graph.value(target.value).name);
      rounded.push_back(quantize_gptq(weight_matrix(graph, target), captures.gram_of(measured[i]), rounding, *options.pool));
    }
    for (size_t i = 0; i < measured.size(); ++i) store_blocks(graph, targets[done + i], std::move(rounded[i]));
    done += measured.size();
    first = last;
  }
}

}  // namespace omni::compress
