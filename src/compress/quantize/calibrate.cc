#include "compress/quantize/calibrate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "runtime/session.h"

namespace omni::compress {

namespace {

// For each input of the graph, the field of the source that feeds it.
std::vector<size_t> feeds(const Graph& graph, std::span<const runtime::SampleField> fields) {
  std::vector<size_t> out;
  for (size_t i = 0; i < graph.inputs().size(); ++i) {
    const std::string& name = graph.value(graph.inputs()[i]).name;
    const auto same = std::find_if(fields.begin(), fields.end(), [&](const runtime::SampleField& f) { return f.name == name; });
    const size_t index = same != fields.end() ? static_cast<size_t>(same - fields.begin()) : i;
    if (index >= fields.size()) {
      throw Error(ErrorCode::kInvalidArgument, "the calibration data has no field for it", "input " + quoted(name), "give an NPZ with an array of that name");
    }
    out.push_back(index);
  }
  return out;
}

Shape batch_shape(int64_t batch, const Shape& sample) {
  std::vector<int64_t> dims = {batch};
  dims.insert(dims.end(), sample.begin(), sample.end());
  return Shape(dims);
}

// As many samples as keep a batch's memory small, which depends on the network alone.
int64_t batch_size(const Graph& graph, runtime::Session& session, const std::vector<size_t>& feed, const runtime::SampleSource& source,
                   const CalibrateOptions& options) {
  if (const int64_t fixed = fixed_batch(graph); fixed > 0) return fixed;
  std::vector<Shape> shapes;
  for (const size_t f : feed) shapes.push_back(batch_shape(1, source.fields()[f].shape));
  const size_t one = std::max<size_t>(1, session.plan(shapes).arena_bytes);
  return std::clamp<int64_t>(static_cast<int64_t>(options.batch_bytes / one), 1, std::max<int64_t>(1, std::min(options.batch, source.size())));
}

// The first samples of another source.
class FirstSamples : public runtime::SampleSource {
 public:
  FirstSamples(const runtime::SampleSource& whole, int64_t size) : whole_(whole), size_(std::min(size, whole.size())) {}
  int64_t size() const override { return size_; }
  std::span<const runtime::SampleField> fields() const override { return whole_.fields(); }
  void read(std::span<const int64_t> indices, std::span<const TensorView> out, ThreadPool* pool) const override { whole_.read(indices, out, pool); }

 private:
  const runtime::SampleSource& whole_;
  int64_t size_;
};

// Calls `step` with the inputs of every batch. A last batch that is not full is left out where the graph's batch is fixed.
void for_batches(const Graph& graph, int64_t batch, const std::vector<size_t>& feed, const runtime::SampleSource& source, const CalibrateOptions& options,
                 const std::function<void(std::span<const Tensor>)>& step) {
  const FirstSamples first(source, options.samples);
  const bool fixed = fixed_batch(graph) > 0;
  if (fixed && first.size() < batch) {
    throw Error(ErrorCode::kInvalidArgument, "the calibration data has " + std::to_string(first.size()) + " samples, a batch takes " + std::to_string(batch));
  }
  runtime::Batches batches(first, {.batch = batch, .drop_last = fixed}, options.pool.get());
  while (batches.next()) {
    report(options.progress, static_cast<double>(batches.index()) / static_cast<double>(batches.per_epoch()), "calibrating");
    std::vector<Tensor> inputs;
    for (const size_t f : feed) inputs.push_back(batches.fields()[f]);
    step(inputs);
  }
}

runtime::SessionOptions session_options(const CalibrateOptions& options) { return {.isa = options.isa, .pool = options.pool, .max_plans = 2}; }

void check_memory(const Graph& graph, size_t budget) {
  size_t total = 0, largest = 0;
  std::string name;
  for (const ValueId id : graph.states()) {
    const size_t bytes = 2 * graph.value(id).data.bytes();  // the value and the next one
    total += bytes;
    if (bytes > largest) name = graph.value(id).name;
    largest = std::max(largest, bytes);
  }
  if (total <= budget) return;
  throw Error(ErrorCode::kInvalidArgument, "what calibration remembers takes " + std::to_string(total) + " bytes, " + std::to_string(budget) + " are allowed",
              "the largest is " + quoted(name) + " with " + std::to_string(largest) + " bytes");
}

}  // namespace

int64_t fixed_batch(const Graph& graph) {
  for (const ValueId id : graph.inputs()) {
    const Type& type = graph.type(id);
    if (type.rank() > 0 && type.dim(0).is_constant()) return type.dim(0).value;
  }
  return 0;
}

void calibrate(const Graph& graph, Captures& captures, const runtime::SampleSource& source, const CalibrateOptions& options) {
  if (captures.empty()) return;
  Graph calibration = captures.build();
  check_memory(calibration, options.state_bytes);
  runtime::Session session(std::move(calibration), session_options(options));
  const std::vector<size_t> feed = feeds(graph, source.fields());
  const int64_t batch = batch_size(graph, session, feed, source, options);
  for_batches(graph, batch, feed, source, options, [&](std::span<const Tensor> inputs) { session.run(inputs); });
  captures.take(*session.states());
}

std::map<ValueId, Histogram> calibrate(const Graph& graph, const std::vector<ValueId>& observed, const runtime::SampleSource& source,
                                       const CalibrateOptions& options) {
  Captures captures(graph);
  for (const ValueId id : observed) captures.histogram(id);
  calibrate(graph, captures, source, options);
  std::map<ValueId, Histogram> histograms;
  for (const ValueId id : observed) histograms.emplace(id, captures.histogram_of(id));
  return histograms;
}

std::vector<double> output_signal_to_noise(const Graph& reference, const Graph& other, const runtime::SampleSource& source, const CalibrateOptions& options) {
  runtime::Session a(reference.clone(), session_options(options)), b(other.clone(), session_options(options));
  const std::vector<size_t> feed = feeds(reference, source.fields());
  const int64_t batch = batch_size(reference, a, feed, source, options);
  std::vector<double> power(a.output_count(), 0.0), noise(a.output_count(), 0.0);
  for_batches(reference, batch, feed, source, options, [&](std::span<const Tensor> inputs) {
    const std::vector<Tensor> x = a.run(inputs), y = b.run(inputs);
    for (size_t o = 0; o < x.size(); ++o) {
      if (x[o].dtype() != DType::kF32 || y[o].dtype() != DType::kF32 || x[o].count() != y[o].count()) continue;
      const std::span<const float> p = x[o].values<float>(), q = y[o].values<float>();
      for (size_t i = 0; i < p.size(); ++i) {
        power[o] += static_cast<double>(p[i]) * p[i];
        noise[o] += (static_cast<double>(p[i]) - q[i]) * (static_cast<double>(p[i]) - q[i]);
      }
    }
  });
  std::vector<double> decibels;
  for (size_t o = 0; o < power.size(); ++o) {
    if (!(power[o] > 0)) continue;
    constexpr double kPerfect = std::numeric_limits<double>::infinity();
    decibels.push_back(noise[o] == 0 ? kPerfect : std::isfinite(noise[o]) ? 10 * std::log10(power[o] / noise[o]) : -kPerfect);
  }
  return decibels;
}

double least_signal_to_noise(const Graph& reference, const Graph& other, const runtime::SampleSource& source, const CalibrateOptions& options) {
  const std::vector<double> decibels = output_signal_to_noise(reference, other, source, options);
  return decibels.empty() ? std::numeric_limits<double>::infinity() : *std::min_element(decibels.begin(), decibels.end());
}

}  // namespace omni::compress
