// Two models on the same samples: errors of the outputs, and of every value that both have.
#include <cmath>

#include "api/access.h"
#include "api/batch_feed.h"
#include "core/progress.h"

namespace omni {

namespace {

struct ErrorSum {
  double max_abs = 0, abs = 0, squares = 0, reference = 0, count = 0;
  bool comparable = true;

  void add(const core::Tensor& a, const core::Tensor& b) {
    if (!comparable) return;
    comparable = a.shape() == b.shape() && a.dtype() != core::DType::kString && b.dtype() != core::DType::kString;
    if (!comparable) return;
    const std::vector<double> x = core::to_double(a), y = core::to_double(b);
    for (size_t i = 0; i < x.size(); ++i) {
      // The same infinity or NaN in both is no difference.
      const bool same = x[i] == y[i] || (std::isnan(x[i]) && std::isnan(y[i]));
      const double difference = same ? 0 : std::abs(x[i] - y[i]);
      max_abs = std::isnan(difference) ? INFINITY : std::max(max_abs, difference);
      abs += difference;
      squares += difference * difference;
      if (std::isfinite(x[i])) reference += x[i] * x[i];
    }
    count += static_cast<double>(x.size());
  }
  ValueError result(std::string name) const {
    ValueError error;
    error.name = std::move(name);
    error.max_abs = max_abs;
    error.mean_abs = count > 0 ? abs / count : 0;
    error.relative = squares == 0 ? 0 : reference > 0 ? std::sqrt(squares / reference) : INFINITY;
    if (std::isnan(error.relative)) error.relative = INFINITY;
    return error;
  }
};

// Both graphs with the outputs first, then the values they share, in the order of A.
struct Twins {
  graph::Graph a, b;
  size_t outputs = 0;
  std::vector<std::string> names;
};

bool is_number(const graph::Value& value) { return value.type.kind == graph::TypeKind::kTensor && value.type.dtype != core::DType::kString; }

Twins make_twins(const graph::Graph& a, const graph::Graph& b) {
  if (a.inputs().size() != b.inputs().size() || a.outputs().size() != b.outputs().size()) {
    throw Error(ErrorCode::kInvalidArgument,
                "A has " + std::to_string(a.inputs().size()) + " inputs and " + std::to_string(a.outputs().size()) + " outputs, B " +
                    std::to_string(b.inputs().size()) + " and " + std::to_string(b.outputs().size()),
                "compare");
  }
  Twins twins{a.clone(), b.clone(), a.outputs().size(), {}};
  std::vector<graph::ValueId> in_a = a.outputs(), in_b = b.outputs();
  for (const graph::ValueId id : a.outputs()) twins.names.push_back(a.value(id).name);
  for (const graph::NodeId node : a.order()) {
    for (const graph::ValueId id : a.node(node).outputs) {
      if (id == graph::kNone || a.is_output(id)) continue;
      const graph::ValueId other = b.find(a.value(id).name);
      if (other == graph::kNone || b.value(other).kind != graph::ValueKind::kResult || b.is_output(other)) continue;
      if (!is_number(a.value(id)) || !is_number(b.value(other))) continue;
      in_a.push_back(id);
      in_b.push_back(other);
      twins.names.push_back(a.value(id).name);
    }
  }
  twins.a.set_outputs(std::move(in_a));
  twins.b.set_outputs(std::move(in_b));
  return twins;
}

// Inputs of a model that is held against the data or noise: A's, given to B in the same order.
class Samples {
 public:
  Samples(const graph::Graph& graph, const std::optional<Dataset>& data, const CompareOptions& options) : graph_(graph), shapes_(options.shapes) {
    if (options.samples < 1) throw Error(ErrorCode::kInvalidArgument, "expected 1 or more", "samples");
    total_ = options.samples;
    if (!data) return;
    feed_.emplace(graph, Access::shared_data(*data), options.batch);
    total_ = std::min(total_, data->size());
    if (total_ == 0) throw Error(ErrorCode::kInvalidArgument, "there are no samples", "data");
  }
  int64_t total() const { return total_; }
  int64_t step() const { return feed_ ? feed_->batch() : 1; }
  // With noise a sample is one run.
  std::vector<core::Tensor> read(int64_t first, int64_t count, core::ThreadPool* pool) {
    if (feed_) return feed_->inputs(first, count, pool);
    return api::noise_inputs(graph_, api::input_shapes(graph_, shapes_), static_cast<uint64_t>(first) + 1);
  }

 private:
  const graph::Graph& graph_;
  InputShapes shapes_;
  std::optional<api::BatchFeed> feed_;
  int64_t total_ = 0;
};

struct Agreement {
  int64_t same = 0, rows = 0;

  void add(const core::Tensor& a, const core::Tensor& b, int64_t count) {
    const std::vector<double> x = core::to_double(a), y = core::to_double(b);
    const int64_t batch = a.shape().rank() > 0 ? a.shape()[0] : 0;
    if (batch < count || x.size() != y.size() || x.size() % static_cast<size_t>(batch) != 0 || x.size() / static_cast<size_t>(batch) < 2) return;
    const size_t width = x.size() / static_cast<size_t>(batch);
    const auto best = [&](const std::vector<double>& v, size_t row) {
      const auto begin = v.begin() + static_cast<std::ptrdiff_t>(row * width);
      return std::max_element(begin, begin + static_cast<std::ptrdiff_t>(width)) - begin;
    };
    for (size_t row = 0; row < static_cast<size_t>(count); ++row) same += best(x, row) == best(y, row);
    rows += count;
  }
};

}  // namespace

Comparison compare(const Graph& a, const Graph& b, const std::optional<Dataset>& data, const CompareOptions& options) {
  const graph::Graph& graph = *Access::graph(a);
  Twins twins = make_twins(graph, *Access::graph(b));
  Samples samples(graph, data, options);
  runtime::SessionOptions session_options = api::session_options(options.threads, options.isa);
  runtime::Session session_a(std::move(twins.a), session_options);
  session_options.pool = session_a.pool();
  runtime::Session session_b(std::move(twins.b), session_options);
  std::vector<ErrorSum> sums(twins.names.size());
  Agreement agreement;
  for (int64_t first = 0; first < samples.total(); first += samples.step()) {
    core::report(options.progress, static_cast<double>(first) / static_cast<double>(samples.total()), std::to_string(first) + " samples");
    const int64_t count = std::min(samples.step(), samples.total() - first);
    const std::vector<core::Tensor> inputs = samples.read(first, count, session_a.pool().get());
    const std::vector<core::Tensor> outputs_a = session_a.run(inputs), outputs_b = session_b.run(inputs);
    for (size_t i = 0; i < sums.size(); ++i) sums[i].add(outputs_a[i], outputs_b[i]);
    if (twins.outputs > 0 && outputs_a[0].dtype() != core::DType::kString) agreement.add(outputs_a[0], outputs_b[0], count);
  }
  Comparison result;
  result.samples = samples.total();
  for (size_t i = 0; i < sums.size(); ++i) {
    if (!sums[i].comparable) {
      if (i < twins.outputs)
        throw Error(ErrorCode::kInvalidArgument, "output " + core::quoted(twins.names[i]) + " has another shape in B", "compare");
      continue;
    }
    (i < twins.outputs ? result.outputs : result.values).push_back(sums[i].result(twins.names[i]));
  }
  for (const auto* list : {&result.values, &result.outputs}) {
    for (const ValueError& error : *list) {
      if (!result.first_drift && error.relative > options.drift) result.first_drift = error;
    }
  }
  if (agreement.rows > 0) result.top1_agreement = static_cast<double>(agreement.same) / static_cast<double>(agreement.rows);
  return result;
}

}  // namespace omni
