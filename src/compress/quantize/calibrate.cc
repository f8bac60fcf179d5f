#include "compress/quantize/calibrate.h"

#include <algorithm>

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

int64_t batch_size(const Graph& graph, int64_t wanted) {
  for (const ValueId id : graph.inputs()) {
    const Type& type = graph.type(id);
    if (type.rank() > 0 && type.dim(0).is_constant()) return type.dim(0).value;
  }
  return wanted;
}

}  // namespace

std::map<ValueId, Histogram> calibrate(const Graph& graph, const std::vector<ValueId>& observed, const runtime::SampleSource& source,
                                       const CalibrateOptions& options) {
  std::map<ValueId, Histogram> histograms;
  for (const ValueId id : observed) histograms[id];
  Graph probe = graph.clone();
  probe.set_outputs({});
  for (const ValueId id : observed) {
    if (graph.value(id).kind != ValueKind::kInput) probe.add_output(id);
  }
  const std::vector<size_t> feed = feeds(graph, source.fields());
  const int64_t batch = batch_size(graph, options.batch), total = std::min(options.samples, source.size());
  if (total < batch) throw Error(ErrorCode::kInvalidArgument, "the calibration data has " + std::to_string(total) + " samples, a batch takes " + std::to_string(batch));
  const bool any_output = !probe.outputs().empty();
  std::optional<runtime::Session> session;
  if (any_output) session.emplace(std::move(probe), runtime::SessionOptions{.isa = options.isa, .pool = options.pool});
  runtime::Batches batches(source, {.batch = batch, .drop_last = true}, options.pool.get());
  batches.start(0);
  for (int64_t done = 0; done + batch <= total && batches.next(); done += batch) {
    report(options.progress, static_cast<double>(done) / static_cast<double>(total), "calibrating");
    std::vector<Tensor> inputs;
    for (const size_t f : feed) inputs.push_back(batches.fields()[f]);
    std::vector<Tensor> outputs;
    if (any_output) outputs = session->run(std::span<const Tensor>(inputs));
    size_t next_output = 0;
    for (const ValueId id : observed) {
      const auto input = std::find(graph.inputs().begin(), graph.inputs().end(), id);
      const Tensor& t = input != graph.inputs().end() ? inputs[static_cast<size_t>(input - graph.inputs().begin())] : outputs[next_output++];
      histograms.at(id).add(t.values<float>());
    }
  }
  return histograms;
}

}  // namespace omni::compress
