#include "api/access.h"
#include "core/statistics.h"

namespace omni {

Evaluation evaluate(const Graph& model, const Dataset& dataset, const EvaluateOptions& options) {
  if (options.top < 1) throw Error(ErrorCode::kInvalidArgument, "expected 1 or more", "top");
  const graph::Graph& graph = *Access::graph(model);
  const train::SampleData data = train::match_data(graph, Access::shared_data(dataset));
  train::EvaluateOptions inner;
  inner.batch = options.batch;
  inner.top = {1, options.top};
  inner.progress = options.progress;
  runtime::SessionOptions session = api::session_options(options.threads, options.isa);
  api::give_up(options.memory, graph, session);
  const train::Evaluation found = train::evaluate(graph, data, inner, std::move(session));
  Evaluation result;
  result.samples = found.samples;
  result.seconds = found.seconds;
  if (found.labels > 0) {
    result.top1 = found.accuracy(0);
    result.topk = found.accuracy(1);
    result.loss = found.loss;
    const core::Interval interval = core::wilson_interval(found.correct[0], found.labels);
    result.top1_low = interval.low;
    result.top1_high = interval.high;
  } else {
    result.mean_squared_error = found.mean_squared_error;
  }
  return result;
}

}  // namespace omni
