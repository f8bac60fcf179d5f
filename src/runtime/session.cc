#include "runtime/session.h"

#include <algorithm>

#include "core/error.h"
#include "passes/planning.h"
#include "runtime/executor.h"

namespace omni::runtime {

struct Session::Impl : Executor {
  using Executor::Executor;
};

namespace {

Preparation run_planning_passes(Graph& graph, const SessionOptions& options) {
  PassContext context;
  context.isa = options.isa;
  PassManagerOptions manager;
  manager.disabled = options.disabled_passes;
  manager.after = options.after_pass;
  std::vector<PassReport> reports = run_passes(graph, passes::planning_passes(), context, manager);
  return {nullptr, std::move(reports), std::move(context.notes)};
}

}  // namespace

Preparation prepare_reported(Graph graph, const SessionOptions& options) {
  Preparation result = run_planning_passes(graph, options);
  result.graph = std::make_shared<const Graph>(std::move(graph));
  return result;
}

std::shared_ptr<const Graph> prepare(Graph graph, const SessionOptions& options) { return prepare_reported(std::move(graph), options).graph; }

Session::Session(Graph graph, SessionOptions options) {
  if (options.optimize) run_planning_passes(graph, options);
  Arrangement arrangement = options.arrange ? options.arrange(graph) : Arrangement();
  impl_ = std::make_unique<Impl>(std::make_shared<const Graph>(std::move(graph)), std::move(options), nullptr, std::move(arrangement));
}

Session::Session(std::shared_ptr<const Graph> graph, SessionOptions options) {
  if (options.optimize || options.arrange) {
    *this = Session(graph->clone(), std::move(options));
  } else {
    impl_ = std::make_unique<Impl>(std::move(graph), std::move(options));
  }
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

const Graph& Session::graph() const { return *impl_->graph; }
size_t Session::input_count() const { return graph().inputs().size(); }
size_t Session::output_count() const { return graph().outputs().size(); }
const std::string& Session::input_name(size_t i) const { return graph().value(graph().inputs()[i]).name; }
const std::string& Session::output_name(size_t i) const { return graph().value(graph().outputs()[i]).name; }
const std::shared_ptr<StateSet>& Session::states() const { return impl_->states; }
const std::shared_ptr<ThreadPool>& Session::pool() const { return impl_->pool; }
Isa Session::isa() const { return impl_->options.isa; }
const Profiler& Session::profiler() const { return impl_->profiler; }
Profiler& Session::profiler() { return impl_->profiler; }
uint64_t Session::plans_made() const { return impl_->plans_made; }

int Session::input_index(std::string_view name) const {
  for (size_t i = 0; i < input_count(); ++i) {
    if (input_name(i) == name) return static_cast<int>(i);
  }
  return -1;
}

int Session::output_index(std::string_view name) const {
  for (size_t i = 0; i < output_count(); ++i) {
    if (output_name(i) == name) return static_cast<int>(i);
  }
  return -1;
}

Result Session::run(std::span<const Tensor> inputs, std::span<TensorView> outputs) noexcept { return impl_->run(inputs, outputs); }

std::vector<Tensor> Session::run(std::span<const Tensor> inputs) {
  std::vector<Tensor> results;
  impl_->run(inputs, {}, &results).check();
  return results;
}

std::map<std::string, Tensor> Session::run(const std::map<std::string, Tensor>& inputs) {
  std::vector<std::string> known;
  std::vector<Tensor> ordered(input_count());
  std::string missing;
  size_t used = 0;
  for (size_t i = 0; i < input_count(); ++i) {
    known.push_back(input_name(i));
    const auto found = inputs.find(input_name(i));
    if (found == inputs.end()) {
      missing += (missing.empty() ? "" : ", ") + quoted(input_name(i));
    } else {
      ordered[i] = found->second;
      ++used;
    }
  }
  for (const auto& [name, tensor] : inputs) {
    if (used == inputs.size()) break;
    if (input_index(name) < 0) throw Error(ErrorCode::kNotFound, "there is no input " + quoted(name), {}, did_you_mean(name, known));
  }
  if (!missing.empty()) throw Error(ErrorCode::kInvalidArgument, "inputs were not given: " + missing);
  std::vector<Tensor> results = run(ordered);
  std::map<std::string, Tensor> named;
  for (size_t i = 0; i < results.size(); ++i) named.emplace(output_name(i), std::move(results[i]));
  return named;
}

PlanInfo Session::plan(std::span<const Shape> shapes, bool reserve) {
  Impl& s = *impl_;
  if (shapes.size() != input_count()) {
    throw Error(ErrorCode::kInvalidArgument,
                "the graph has " + std::to_string(input_count()) + " inputs, shapes of " + std::to_string(shapes.size()) + " were given");
  }
  const auto same = [&](const std::unique_ptr<Plan>& p) { return std::equal(shapes.begin(), shapes.end(), p->key.begin()); };
  const auto found = std::find_if(s.plans.begin(), s.plans.end(), same);
  const Segment& first = *(found != s.plans.end() ? **found : s.add_plan(shapes)).first;
  if (reserve) s.reserve_arena(0, first.arena_bytes);
  PlanInfo info;
  info.steps = first.steps.size();
  info.segments = first.kind == SegmentEnd::kFinal ? 1 : 2;
  info.arena_bytes = first.arena_bytes;
  info.lower_bound = first.lower_bound;
  for (const ValueId id : graph().constants()) info.constant_bytes += graph().value(id).data.bytes();
  for (const ValueId id : graph().states()) info.state_bytes += graph().value(id).data.bytes();
  for (const OutputSpec& spec : first.outputs) info.output_bytes += packed_bytes(spec.dtype, static_cast<size_t>(spec.shape.count()));
  return info;
}

}  // namespace omni::runtime
